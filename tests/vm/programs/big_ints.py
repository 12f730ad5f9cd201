def fact(n):
    r = 1
    for i in range(2, n + 1):
        r *= i
    return r


print(fact(100))
print(fact(50) // fact(48), fact(30) % (10**9 + 7), -fact(25) // 10**20, -fact(25) % 10**20)
a, b = 3**200, 7**150
print(a + b, a - b, a * b, b // a if b > a else a // b, a % b, divmod(b, a) if b > a else divmod(a, b))
print(a & b, a | b, a ^ b, ~a, a >> 100, a << 10, -a >> 3, (-a) & 0xFFFF)
print(a > b, a == 3**200, hash(1) if False else 0, int(str(a)) == a, int(hex(a), 16) == a, len(str(a)), a.bit_length())
print(10**18 + 1, 2**63 - 1, 2**64, -(2**63), 2**63 * 2, (2**62) + (2**62), (2**62) * 2, -(2**62) - (2**62))
print(pow(3, 1000, 10**20), pow(2, -1, 97), 2**100 / 2**99, 2**100 // 3.0, int(1e30), float(10**30), round(10**20 + 5, -1))
x = 1
for _ in range(70):
    x = x * 3 + 1
print(x)
f0, f1 = 0, 1
for _ in range(300):
    f0, f1 = f1, f0 + f1
print(f0)
print(f"{2**70:,} {2**70:x} {2**70:e} {-(2**70):_}", "%d" % 2**80, str(2**90), repr(-(2**90)), bin(2**66), oct(2**66))
print(sum([2**62, 2**62, 2**62]), max(2**70, 2**71), min(-(2**70), 0), abs(-(2**70)), sorted([2**70, 1, -(2**70)]))
print({2**70: "big", 2**61 - 1: "mersenne"}, 2**70 in [2**70], (2**70,) == (2**70,), 2**61 - 1 in {0})
print(10**20 < 1e21, 10**20 > float("inf"), 10**400 < float("inf"), 2**53 + 1 == 2.0**53 + 1)
