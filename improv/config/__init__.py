"""What can be set, where it is set, and what is kept between jams: each value is checked once, as it comes in."""
