"""A layer of LSTM cells, written out, so that a step and a sequence are the same sums."""

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]
"""What the cells put out and what they hold, each (batch, hidden)."""


class LstmLayer(nn.Module):
    """Cells with input, forget and output gates (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    The forget gates begin half open and more (bias 1), as in Keras and TensorFlow.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.into = nn.Linear(width, 4 * hidden)
        self.again = nn.Linear(hidden, 4 * hidden, bias=False)
        nn.init.xavier_uniform_(self.into.weight)
        nn.init.orthogonal_(self.again.weight)
        nn.init.zeros_(self.into.bias)
        with torch.no_grad():
            self.into.bias[hidden : 2 * hidden] = 1

    def at_rest(self, batch: int) -> State:
        """Return the state in which nothing has been heard."""
        zeros = torch.zeros(batch, self.hidden, device=self.into.weight.device)
        return zeros, zeros

    def of_units(self, units: Tensor) -> Tensor:
        """Return what the gates read of one-hot inputs, (..., 4 * hidden), from the numbers of their units."""
        return nn.functional.embedding(units, self.into.weight.T) + self.into.bias

    def step(self, read: Tensor, state: State) -> State:
        """Return the state after an input that was read by `into`, (batch, 4 * hidden)."""
        out, cells = state
        given, forget, new, put = (read + self.again(out)).chunk(4, dim=-1)
        cells = forget.sigmoid() * cells + given.sigmoid() * new.tanh()
        return put.sigmoid() * cells.tanh(), cells

    def sequence(self, read: Tensor) -> Tensor:
        """Return what the cells put out at each step, (steps, batch, hidden), from an empty memory."""
        state = self.at_rest(read.shape[1])
        put_out = []
        for now in read:
            state = self.step(now, state)
            put_out.append(state[0])
        return torch.stack(put_out)


def before(put_out: Tensor) -> Tensor:
    """Return what was put out before each step, (steps, batch, hidden): nothing before the first."""
    return torch.cat((torch.zeros_like(put_out[:1]), put_out[:-1]))
