#!/usr/bin/env python3
"""Computes docs/wire-vectors.txt a second time, from docs/wire.md alone.

usage: tests/unit/seal_vectors.py >docs/wire-vectors.txt     (from the top)

Nothing of the library is used here, and of Python only hashlib, hmac and zlib:
X25519 follows RFC 7748, AES FIPS 197, GCM NIST SP 800-38D, XAES the page of
C2SP.  It is slow, not constant in time, and no example of how to keep a secret;
it is an example of what a client has to do.
"""
import hashlib
import hmac
import re
import struct
import zlib

PIN = 0x2100000A
ATTACH, ANSWER, DATA, NOTICE, HINT = 1, 2, 4, 5, 0x40
UP, DOWN = 0, 1


# --- AES-256, encryption only (FIPS 197) ------------------------------------

def xtime(a):
    return (a << 1) ^ (0x11B if a & 0x80 else 0)


def gmul(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = xtime(a), b >> 1
    return product


def make_sbox():
    box = []
    for x in range(256):
        inverse = next((y for y in range(256) if gmul(x, y) == 1), 0)
        s = 0x63
        for shift in range(5):
            s ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box.append(s)
    return box


SBOX = make_sbox()


def key_schedule(key):
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    rcon = 1
    for i in range(8, 60):
        w = list(words[-1])
        if i % 8 == 0:
            w = [SBOX[b] for b in w[1:] + w[:1]]
            w[0] ^= rcon
            rcon = xtime(rcon)
        elif i % 8 == 4:
            w = [SBOX[b] for b in w]
        words.append([a ^ b for a, b in zip(w, words[i - 8])])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def mix(column):
    return [xtime(column[i]) ^ xtime(column[(i + 1) % 4])
            ^ column[(i + 1) % 4] ^ column[(i + 2) % 4] ^ column[(i + 3) % 4]
            for i in range(4)]


def aes(keys, block):
    s = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        s = [SBOX[b] for b in s]
        s = [s[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if number < 14:
            s = sum((mix(s[i:i + 4]) for i in range(0, 16, 4)), [])
        s = [a ^ b for a, b in zip(s, key)]
    return bytes(s)


# --- GCM (SP 800-38D) and XAES (C2SP) ---------------------------------------

def blocks(data):
    return [data[i:i + 16].ljust(16, b'\0') for i in range(0, len(data), 16)]


def ghash(h, data):
    y = 0
    for block in blocks(data):
        x, z, v = y ^ int.from_bytes(block, 'big'), 0, h
        for i in range(127, -1, -1):
            if x >> i & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, 'big')


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def gcm_seal(key, nonce, plain, aad):
    keys = key_schedule(key)
    h = int.from_bytes(aes(keys, bytes(16)), 'big')
    stream = b''.join(aes(keys, nonce + struct.pack('>I', 2 + i))
                      for i in range(len(blocks(plain))))
    cipher = xor(plain, stream)
    lengths = struct.pack('>QQ', 8 * len(aad), 8 * len(cipher))
    tag = ghash(h, b''.join(blocks(aad) + blocks(cipher)) + lengths)
    return cipher + xor(tag, aes(keys, nonce + struct.pack('>I', 1)))


def xaes_seal(key, nonce, plain, aad):
    keys = key_schedule(key)
    k1 = int.from_bytes(aes(keys, bytes(16)), 'big') << 1
    if k1 >> 128:
        k1 ^= 1 << 128 | 0x87
    k1 = k1.to_bytes(16, 'big')
    kx = b''.join(aes(keys, xor(bytes([0, i]) + b'X\0' + nonce[:12], k1))
                  for i in (1, 2))
    return gcm_seal(kx, nonce[12:], plain, aad)


# --- X25519 (RFC 7748) and HKDF (RFC 5869) ----------------------------------

def x25519(secret, point):
    p = 2 ** 255 - 19
    k = int.from_bytes(secret, 'little') & (1 << 254) - 8 | 1 << 254
    u = int.from_bytes(point, 'little') & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        e = a * a - b * b
        x3, z3 = (d * a + c * b) ** 2 % p, u * (d * a - c * b) ** 2 % p
        x2, z2 = a * a * b * b % p, e * (a * a + 121665 * e) % p
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, 'little')


def public(secret):
    return x25519(secret, (9).to_bytes(32, 'little'))


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf_expand(prk, info, length):
    out, block, i = b'', b'', 1
    while len(out) < length:
        block = mac(prk, block + info + bytes([i]))
        out, i = out + block, i + 1
    return out[:length]


# --- The device link (docs/wire.md) -----------------------------------------

def expand(base):
    out = hkdf_expand(base, b'bb1 keys\0' + struct.pack('>I', PIN), 136)
    names = ('up', 'down', 'nonce-up', 'nonce-down')
    keys = {name: out[32 * i:32 * i + 32] for i, name in enumerate(names)}
    keys['kid'] = out[128:]
    return keys


def section(json, dictionary):
    if dictionary is None:
        return struct.pack('>BH', 0, len(json)) + json
    z = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0, dictionary)
    rest = z.compress(json) + z.flush()
    return struct.pack('>BH', 1, len(rest)) + rest


def counting(first, length):
    return bytes((first + i) & 0xFF for i in range(length))


VECTORS = []


def show(name, value):
    VECTORS.append(name + ' ' + value.hex())
    return value


def title(text):
    VECTORS.extend(['', '# ' + text])


def frame(name, keys, kind, direction, att, seq, jsons, e=b'',
          dictionary=None):
    side = ('up', 'down')[direction]
    for label, json in zip(('-json', '-more'), jsons):
        show(name + label, json)
    body = b''.join(section(json, dictionary) for json in jsons)
    if kind != DATA:
        body += bytes(-len(body) % 256)
    show(name + '-body', body)
    random = show(name + '-random', counting(0x80 + len(VECTORS), 32))
    aad = struct.pack('>BBBBI8sII', 1, kind, direction, 0, PIN, keys['kid'],
                      att, seq) + e
    show(name + '-aad', aad)
    nonce = mac(keys['nonce-' + side],
                random + aad + struct.pack('>I', len(body)) + body)[:24]
    show(name + '-nonce', nonce)
    rest = aad[:24] + nonce + e + xaes_seal(keys[side], nonce, body, aad)
    show(name + '-frame', struct.pack('>HHQ', 0xBB01, len(rest), 0) + rest)
    return nonce


def read_dictionary():
    with open('lib/seal/dictionary.c', encoding='ascii') as source:
        text = source.read().split('bb_pack_dictionary[] =')[1].split(';\n')[0]
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    return ''.join(words).replace('\\"', '"').encode()


def keys_and_roll():
    title('A base key, and what it expands to for this PIN.')
    show('pin', struct.pack('>I', PIN))
    base = show('base', counting(0x00, 32))
    keys = expand(base)
    for name, key in keys.items():
        show(name, key)
    title('Its roll by attach 1: secret and public halves, what X25519')
    VECTORS.append('# yields, the next base key, and what that expands to.')
    att = struct.unpack('>I', show('att', struct.pack('>I', 1)))[0]
    device = show('e_d', counting(0x40, 32))
    e_d = show('E_d', public(device))
    server = show('e_s', counting(0xA0, 32))
    e_s = show('E_s', public(server))
    shared = show('x25519', x25519(device, e_s))
    assert shared == x25519(server, e_d)
    info = b'bb1 roll\0' + struct.pack('>I8sI', PIN, keys['kid'], att)
    following = hkdf_expand(mac(base, shared), info + e_d + e_s, 32)
    show('next-base', following)
    new = expand(following)
    for name, key in new.items():
        show('next-' + name, key)
    return keys, new, e_d, e_s


def main():
    VECTORS.append('# Test vectors of the device link, protocol version 1: '
                   'docs/wire.md.\n# One "name hex" per line.')
    title('Preset dictionary 1.')
    dictionary = show('dictionary-1', read_dictionary())
    keys, new, e_d, e_s = keys_and_roll()

    title('Frames, all sections stored.  The first base key seals attach,')
    VECTORS.append('# answer and notice, the next one data.  json and more are '
                   'the sections,\n# random is what a sender draws.')
    login = (b'{"op":"login","service":"local","user":"alice",'
             b'"password":"correct horse","numbering":"a1a2a3a4a5a6a7a8",'
             b'"have":0}')
    batch = (b'{"op":"batch","msgs":[{"op":"send","n":1,"to":"bob",'
             b'"text":"hi"}]}')
    nonce = frame('attach', keys, ATTACH, UP, 1, 0, [login, batch], e_d)
    bound = (',"nonce":"%s"}' % nonce.hex()).encode()
    answer = (b'{"op":"answer","result":"ok","text":"logged in",'
              b'"session":"b1b2b3b4b5b6b7b8","resume":false,'
              b'"status_interval":60,"up_next":2,'
              b'"results":[{"n":1,"result":"sent"}],"newkid":"'
              + new['kid'].hex().encode() + b'"' + bound)
    events = (b'{"op":"events","events":[{"type":"message","n":1,'
              b'"from":"bob","text":"hello","time":1795000000}]}')
    frame('answer', keys, ANSWER, DOWN, 1, 0, [answer, events], e_s)
    frame('notice', keys, NOTICE, DOWN, 1, 0,
          [b'{"op":"notice","code":"stale","told":7' + bound])
    send = b'{"op":"send","n":2,"to":"bob","text":"hello again"}'
    frame('data-up', new, DATA, UP, 1, 1, [send])
    frame('data-down', new, DATA, DOWN, 1, 1, [b'{"op":"events","ack":2}'])

    title('The same attach and data, deflated.  Another deflater may make')
    VECTORS.append('# another body; every inflater must read this one.')
    frame('attach-deflated', keys, ATTACH, UP, 1, 0, [login, batch], e_d,
          dictionary)
    frame('data-deflated', new, DATA, UP, 1, 1, [send], b'', dictionary)

    title('HINT 2 that answers the attach.')
    show('hint-frame', struct.pack('>HHQBBBBI', 0xBB01, 16, 0, 1, HINT, DOWN,
                                   2, PIN) + nonce[:8])
    print('\n'.join(VECTORS))


# C2SP, XAES-256-GCM, "Test vectors": this page is right about the cipher.
assert xaes_seal(b'\3' * 32, b'ABCDEFGHIJKLMNOPQRSTUVWX', b'XAES-256-GCM',
                 b'c2sp.org/XAES-256-GCM').hex() == (
    '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d')
# RFC 7748, 6.1.
assert public(bytes.fromhex(
    '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
).hex() == '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'

if __name__ == '__main__':
    main()
