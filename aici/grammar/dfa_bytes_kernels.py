"""The kernels that write and read automata as bytes, and check what they read. `dfa_bytes` runs them."""

from __future__ import annotations

from .jit import Ptr, i64, kernel, u8, u32

NO_NUMBER, BAD_CLASSES, EMPTY_CLASS, UNREACHABLE, OUT_OF_BOUNDS, TRAILING, DEAD_END, NOT_UTF8 = range(-1, -9, -1)
"""What may be wrong with bytes that are read."""

RECENT = 16
"""Targets that are named by how recently they were one."""

CONTINUATION, NO_KIND = 4, 5
"""Kinds of byte classes besides 0 to 3, the continuation bytes that a lead byte announces."""


@kernel
def write_number(number: i64, out: Ptr[u8], at: i64) -> i64:
    """LEB128; returns where the next one goes."""
    while number >= 0x80:
        out[at] = u8((number & 0x7F) | 0x80)
        at += 1
        number = number >> 7
    out[at] = u8(number)
    return at + 1


@kernel
def remember(recent: Ptr[u32], target: i64) -> i64:
    """Moves a target to the front of the latest ones: the place that it had, from 1, or 0 if it was not there.
    `recent` [1 + RECENT]: how many there are, then the targets."""
    count = i64(recent[0])
    place = 1
    while place <= count and recent[place] != target:
        place += 1
    found = place
    if place > count:
        found = 0
        if count < RECENT:
            recent[0] = u32(count + 1)
        else:
            place = count
    while place > 1:
        recent[place] = recent[place - 1]
        place -= 1
    recent[1] = u32(target)
    return found


@kernel
def write_body(
    n_states: i64,
    n_classes: i64,
    classes: Ptr[u8],
    table: Ptr[u32],
    accepting: Ptr[u8],
    recent: Ptr[u32],
    out: Ptr[u8],
    room: i64,
) -> i64:
    """The body of `dfa_bytes`: its length, or that at which there was too little room. `recent`: zeros."""
    at = write_number(n_classes, out, write_number(n_states, out, 0))
    start = 0
    for byte in range(1, 257):
        if byte == 256 or classes[min(byte, 255)] != classes[start]:
            at = write_number(classes[start], out, write_number(byte - start - 1, out, at))
            start = byte
    known = 1
    for state in range(1, n_states):
        row = table[state * n_classes :]
        runs = 0
        for c in range(n_classes):
            runs += row[c] != 0 and (c == 0 or row[max(c - 1, 0)] != row[c])
        if at + 16 + 16 * runs > room:
            return at + 16 + 16 * runs
        at = write_number(2 * runs + accepting[state], out, at)
        c = 0
        gap = 0
        while c < n_classes:
            start = c
            target = row[c]
            while c < n_classes and row[c] == target:
                c += 1
            if target == 0:
                gap = c - start
            else:
                at = write_number(c - start - 1, out, write_number(gap, out, at))
                count = i64(recent[0])
                place = remember(recent, target)
                code = 0 if target > known else place if place > 0 else known - target + 1 + count
                at = write_number(code, out, at)
                known = max(known, target)
                gap = 0
    return at


@kernel
def read_number(data: Ptr[u8], n: i64, at: Ptr[i64]) -> i64:
    """LEB128 of at most 5 bytes at `at[0]`, which moves on; NO_NUMBER if there is none."""
    value = 0
    shift = 0
    while at[0] < n and shift < 35:
        byte = data[at[0]]
        at[0] += 1
        value = value | ((byte & 0x7F) << shift)
        if byte < 0x80:
            return value
        shift += 7
    return NO_NUMBER


@kernel
def read_body(
    data: Ptr[u8],
    n: i64,
    at: Ptr[i64],
    n_states: i64,
    n_classes: i64,
    classes: Ptr[u8],
    table: Ptr[u32],
    accepting: Ptr[u8],
    recent: Ptr[u32],
) -> i64:
    """Reads what follows the two sizes into `table` and `accepting`, which are zero, as `recent` is: 0, or what is
    wrong."""
    known = 0
    byte = 0
    while byte < 256:
        length = read_number(data, n, at) + 1
        number = read_number(data, n, at)
        if length < 1 or length > 256 - byte or number < 0 or number > known or number >= n_classes:
            return BAD_CLASSES
        known = max(known, number + 1)
        for i in range(byte, byte + length):
            classes[i] = u8(number)
        byte += length
    if known != n_classes:
        return EMPTY_CLASS
    known = 1
    for state in range(1, n_states):
        if state > known:
            return UNREACHABLE
        head = read_number(data, n, at)
        if head < 0:
            return NO_NUMBER
        accepting[state] = u8(head & 1)
        c = 0
        for _run in range(head >> 1):
            gap = read_number(data, n, at)
            length = read_number(data, n, at) + 1
            code = read_number(data, n, at)
            if gap < 0 or length < 1 or code < 0:
                return NO_NUMBER
            count = i64(recent[0])
            target = known + 1
            if code > count:
                target = known - (code - count - 1)
            elif code > 0:
                target = i64(recent[code])
            known = max(known, target)
            c += gap
            if c + length > n_classes or target < 1 or known >= n_states:
                return OUT_OF_BOUNDS
            remember(recent, target)
            for i in range(c, c + length):
                table[state * n_classes + i] = u32(target)
            c += length
    if at[0] != n:
        return TRAILING
    return 0


@kernel
def count_runs(n_states: i64, n_classes: i64, table: Ptr[u32]) -> i64:
    """Runs of equal live next states, over all rows."""
    runs = 0
    for state in range(n_states):
        row = table[state * n_classes :]
        for c in range(n_classes):
            runs += row[c] != 0 and (c == 0 or row[max(c - 1, 0)] != row[c])
    return runs


@kernel
def check_live(
    n_states: i64,
    n_classes: i64,
    table: Ptr[u32],
    accepting: Ptr[u8],
    entering: Ptr[u32],
    source: Ptr[u32],
    live: Ptr[u8],
    todo: Ptr[u32],
) -> i64:
    """0 if every state but 0 leads to acceptance, else DEAD_END. `source` has room for all runs, `entering` for two
    numbers more than states."""
    for i in range(n_states + 2):
        entering[i] = 0
    for state in range(n_states):
        for c in range(n_classes):
            target = table[state * n_classes + c]
            if target != 0 and (c == 0 or table[state * n_classes + max(c - 1, 0)] != target):
                entering[target + 2] += 1
    for i in range(n_states):
        entering[i + 2] += entering[i + 1]
    for state in range(n_states):
        for c in range(n_classes):
            target = table[state * n_classes + c]
            if target != 0 and (c == 0 or table[state * n_classes + max(c - 1, 0)] != target):
                source[entering[target + 1]] = u32(state)
                entering[target + 1] += 1
    found = 0
    for state in range(n_states):
        live[state] = accepting[state]
        if accepting[state] != 0:
            todo[found] = u32(state)
            found += 1
    done = 0
    while done < found:
        state_done = todo[done]
        done += 1
        for k in range(entering[state_done], entering[state_done + 1]):
            before = source[k]
            if live[before] == 0:
                live[before] = 1
                todo[found] = u32(before)
                found += 1
    return 0 if found == n_states - 1 and live[0] == 0 else DEAD_END


@kernel
def classify(n_classes: i64, classes: Ptr[u8], kind: Ptr[u8], lowest: Ptr[u8], highest: Ptr[u8]) -> None:
    """The kind of every byte class, and its lowest and highest byte."""
    for c in range(n_classes):
        lowest[c] = 255
        highest[c] = 0
    for byte in range(256):
        c_here = classes[byte]
        here = NO_KIND
        if byte < 0x80:
            here = 0
        elif byte < 0xC0:
            here = CONTINUATION
        elif byte >= 0xC2 and byte < 0xE0:
            here = 1
        elif byte >= 0xE0 and byte < 0xF0:
            here = 2
        elif byte >= 0xF0 and byte < 0xF5:
            here = 3
        if lowest[c_here] == 255 and highest[c_here] == 0:
            kind[c_here] = u8(here)
        elif kind[c_here] != here:
            kind[c_here] = NO_KIND
        lowest[c_here] = u8(min(lowest[c_here], byte))
        highest[c_here] = u8(max(highest[c_here], byte))


@kernel
def check_utf8(
    n_states: i64,
    n_classes: i64,
    classes: Ptr[u8],
    table: Ptr[u32],
    accepting: Ptr[u8],
    kind: Ptr[u8],
    lowest: Ptr[u8],
    highest: Ptr[u8],
    pending: Ptr[u8],
) -> i64:
    """0 if all accepted texts are UTF-8, else NOT_UTF8: every state belongs to one place in a character, and its bytes
    fit there. `pending` gets the number of bytes that the character still lacks, plus 1. States are numbered breadth
    first."""
    classify(n_classes, classes, kind, lowest, highest)
    for state in range(n_states):
        pending[state] = 0
    pending[1] = 1
    for state in range(1, n_states):
        row = table[state * n_classes :]
        here = pending[state]
        if here != 1 and accepting[state] != 0:
            return NOT_UTF8
        for c in range(n_classes):
            target = row[c]
            if target != 0:
                after = kind[c] + 1 if here == 1 else here - 1
                if (kind[c] == CONTINUATION) == (here == 1) or kind[c] == NO_KIND:
                    return NOT_UTF8
                if here != 1 and kind[c] != CONTINUATION:
                    return NOT_UTF8
                if pending[target] != 0 and pending[target] != after:
                    return NOT_UTF8
                pending[target] = u8(after)
        if here == 1:
            bad = out_of_range(row[classes[0xE0]], n_classes, table, lowest, highest, 0xA0, 0xBF)
            bad += out_of_range(row[classes[0xED]], n_classes, table, lowest, highest, 0x80, 0x9F)
            bad += out_of_range(row[classes[0xF0]], n_classes, table, lowest, highest, 0x90, 0xBF)
            bad += out_of_range(row[classes[0xF4]], n_classes, table, lowest, highest, 0x80, 0x8F)
            if bad != 0:
                return NOT_UTF8
    return 0


@kernel
def out_of_range(
    state: i64, n_classes: i64, table: Ptr[u32], lowest: Ptr[u8], highest: Ptr[u8], low: i64, high: i64
) -> i64:
    """Whether a state after a lead byte takes more than the second bytes that RFC 3629 allows there."""
    if state == 0:
        return 0
    for c in range(n_classes):
        if table[state * n_classes + c] != 0 and (lowest[c] < low or highest[c] > high):
            return 1
    return 0
