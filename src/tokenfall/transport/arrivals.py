"""What comes out of one request, in order of its coming."""

from tokenfall.events import FirstByte, Opened, Stalled
from tokenfall.wire import Frame

Arrival = Opened | FirstByte | Stalled | Frame
