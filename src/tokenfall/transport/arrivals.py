"""What comes out of one request, in order of its coming."""

from tokenfall.events import Opened
from tokenfall.wire import Frame

Arrival = Opened | Frame
