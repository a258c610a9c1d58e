package distinct

import "math/bits"

// hash returns 64 bits that depend on all of s alike. It is the same in every process and
// every version, since hashes are kept and merged: so it has no secret, and whoever
// chooses the strings can make them collide. That falsifies the count, and costs neither
// memory nor time.
//
// It mixes eight bytes at a time by a multiplication of 64 by 64 bits whose halves are
// xored, as wyhash does (Wang Yi, Diego Barrios Romero and others, "Modern
// Non-Cryptographic Hash Function and Pseudorandom Number Generator", 2019).
func hash(s string) uint64 {
	const k0, k1, k2 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3
	h := k0 ^ uint64(len(s))
	for len(s) > 8 {
		h = mix(h^k1, word(s)^k2)
		s = s[8:]
	}
	var tail uint64
	for i := range len(s) {
		tail |= uint64(s[i]) << (8 * i)
	}
	h = mix(mix(h^k1, tail^k2)^k0, k1)
	if h == 0 {
		return 1 // 0 marks a free place
	}
	return h
}

// mix multiplies two words and xors the halves of the product.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
