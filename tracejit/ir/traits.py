"""What passes ask a row that its kind does not say: its traits, and how it passes operands on."""

from __future__ import annotations

from enum import StrEnum, auto

from tracejit.records import dataclass


class Trait(StrEnum):
    """A property of all instructions of a row. Nothing outside of the rows asks for names."""

    #: Runs its last region again and again; the region's results are what it takes next time.
    LOOP = auto()
    #: Runs a region again and again: loops, and sums.
    REPEATS_REGION = auto()
    #: Runs one of its regions; operand 0 says which.
    BRANCH = auto()
    #: Runs its first region; the attribute ``rule`` says how it is differentiated.
    CALL = auto()
    #: Runs its region, which may run itself again; does that.
    RECURSION = auto()
    CALLS_ITSELF = auto()
    #: Ends its function.
    ENDS = auto()
    #: Raises unless operand 0 holds.
    GUARD = auto()
    #: Operand 0 is what the caller's array number ``arg`` holds from here on.
    WRITES_BACK = auto()
    #: Its result is the attribute ``value``.
    LITERAL = auto()
    #: Two of them with the same operands are not one: memory of their own, or used up once.
    DISTINCT = auto()
    #: Stays where it is, whatever is known of it: a copy that was asked for, a shape to be checked.
    KEPT = auto()
    #: The elements of operand 0 in C order, under another shape.
    SAME_ELEMENTS = auto()
    #: The elements of operand 0, each any number of times, wherever they come to stand.
    REARRANGES = auto()
    #: The elements of operand 0 again and again along further axes.
    REPEATS = auto()
    #: The last operands are bounds of a window of operand 0: starts, then steps.
    WINDOW = auto()
    #: Reads operand 0 at places that may be out of its range.
    INDEXES = auto()
    #: Reads elements of operand 0 at places that are data.
    PICKS = auto()
    #: Each element is its own place along an axis.
    COUNTS = auto()
    #: Has no value of nothing.
    NOT_EMPTY = auto()
    #: Where in operand 0 something is, along one axis.
    FINDS_PLACE = auto()
    #: Finite wherever its operands are; finite whatever they are.
    STEADY = auto()
    BOUNDED = auto()
    #: The last result holds the elements of operand 0 where operand 1, a line of bools, holds.
    SELECTS = auto()
    #: Elements of operand 1 or 2, as operand 0 says.
    CHOOSES = auto()
    #: Every bit the other way round.
    NEGATES = auto()
    #: Result 0 is modulo 2**64; result 1 says whether that is another number.
    OVERFLOWS = auto()
    #: The larger or the smaller of two; a nan wins.
    EXTREME = auto()
    #: Sums and products: modulo 2**64 what they are without bounds.
    RING = auto()
    #: Associative and commutative on integers.
    FOLDS = auto()
    #: Takes as long as its operands are large, outside of any loop.
    HEAVY = auto()
    #: Reads one element of a buffer; writes one.
    LOADS = auto()
    STORES = auto()
    #: The last two results tell whether all went well, and what else happened: of a batch together.
    #: Whoever needs none of the others does not ask.
    TELLS = auto()
    #: Makes memory; gives it back; another name for some of it.
    ALLOCATES = auto()
    FREES = auto()
    VIEWS = auto()
    #: Runs its region as a kernel.
    LAUNCHES = auto()
    #: Sums what its last region gives, in NumPy's order.
    SUMS = auto()


@dataclass(frozen=True)
class Passing:
    """Which operands the regions of a row take.

    Operands are ``lead`` ones, then those carried (attribute ``carried``), then the rest; a region
    has an iteration number first if the row is ``counted`` (the last leading operand says how
    many), then parameters for what is carried and for the rest.
    """

    lead: int = 0
    counted: bool = False


#: All operands go into the regions.
NOTHING_LED = Passing()
