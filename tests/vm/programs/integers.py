for a in (0, 1, -1, 7, -7, 13, 2**31, -(2**63), 10**30):
    print(a, -a, +a, ~a, not a, abs(a), a.bit_length())
    for b in (1, -1, 3, -3, 2**33, -(10**20)):
        print(a + b, a - b, a * b, a // b, a % b, divmod(a, b), a & b, a | b, a ^ b)
        print(a < b, a <= b, a == b, a != b, a >= b, a > b, a is b and a is not b)
print(2**0, 2**10, (-2) ** 3, 2**-1, 0**0, 7**77 % 10**9, pow(3, 100, 7), pow(3, -1, 7))
print(1 << 70, (1 << 70) >> 69, -5 >> 1, -1 >> 100, 0 << 1000, 5 << 0)
print(7 / 2, -7 / 2, 6 / 3, 10**40 / 10**38, 1 / 3)
print(True + True, True * 5, True & False, True | False, True ^ True, ~True, -True, True == 1, True < 2)
print(int("12"), int(" -12_000 "), int("ff", 16), int("0b101", 0), int(3.99), int(-3.99), int(True), int())
print(hex(255), oct(8), bin(-5), (5).__class__.__name__, 1_000_000, 0xFF, 0o17, 0b11)
print(min(3, 1, 2), max([3, 1, 2]), sum([1, 2, 3], 10), round(2.5), round(3.5), round(-2.567, 2), round(1234, -2))
x = 5
x += 3
x -= 1
x *= 4
x //= 3
x %= 5
x **= 3
x <<= 2
x >>= 1
x |= 9
x &= 13
x ^= 6
print(x)
print((10).to_bytes(2, "big"), int.from_bytes(b"\x01\x02", "little"), (255).bit_count())
for bad in ("1 // 0", "1 % 0", "1 / 0", "1.0 // 0", "1.0 % 0", "1.0 / 0", "0 ** -1"):
    try:
        if bad == "1 // 0":
            print(1 // 0)
        elif bad == "1 % 0":
            print(1 % 0)
        elif bad == "1 / 0":
            print(1 / 0)
        elif bad == "1.0 // 0":
            print(1.0 // 0)
        elif bad == "1.0 % 0":
            print(1.0 % 0)
        elif bad == "1.0 / 0":
            print(1.0 / 0)
        else:
            print(0**-1)
    except ZeroDivisionError as e:
        print(bad, type(e).__name__, e)
for bad in ("x", "", "1.5", "0x1"):
    try:
        print(int(bad))
    except ValueError as e:
        print(e)
try:
    print(1 << -1)
except ValueError as e:
    print(e)
