from .faults import Fault
FAULTS: tuple[Fault, ...] = ()
