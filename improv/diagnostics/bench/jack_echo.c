/* The floor of passing on over JACK: what arrives leaves again in the same cycle, in C.
 *
 * The few declarations it needs stand here, so that a machine with JACK and a compiler can build it
 * without JACK's headers. It must never do more than copy, and ends when its standard input does.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

typedef struct client client;
typedef struct port port;
struct event {
    uint32_t time;
    size_t size;
    unsigned char *data;
};

client *jack_client_open(const char *name, int options, int *status, ...);
int jack_client_close(client *client);
int jack_activate(client *client);
int jack_set_process_callback(client *client, int (*process)(uint32_t, void *), void *argument);
port *jack_port_register(client *client, const char *name, const char *type, unsigned long flags, unsigned long size);
void *jack_port_get_buffer(port *port, uint32_t frames);
void jack_midi_clear_buffer(void *buffer);
uint32_t jack_midi_get_event_count(void *buffer);
int jack_midi_event_get(struct event *event, void *buffer, uint32_t index);
int jack_midi_event_write(void *buffer, uint32_t time, const unsigned char *data, size_t size);

#define NO_START_SERVER 1
#define IS_INPUT 1
#define IS_OUTPUT 2
#define MIDI "8 bit raw midi"

static port *in, *out;

static int process(uint32_t frames, void *argument) {
    (void)argument;
    void *from = jack_port_get_buffer(in, frames), *to = jack_port_get_buffer(out, frames);
    jack_midi_clear_buffer(to);
    for (uint32_t index = 0; index < jack_midi_get_event_count(from); index++) {
        struct event event;
        if (jack_midi_event_get(&event, from, index) == 0)
            jack_midi_event_write(to, event.time, event.data, event.size);
    }
    return 0;
}

int main(void) {
    char byte;
    client *self = jack_client_open("bench-echo", NO_START_SERVER, NULL);
    if (self == NULL)
        return 1;
    in = jack_port_register(self, "in", MIDI, IS_INPUT, 0);
    out = jack_port_register(self, "out", MIDI, IS_OUTPUT, 0);
    if (in == NULL || out == NULL || jack_set_process_callback(self, process, NULL) || jack_activate(self))
        return 1;
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return jack_client_close(self);
}
