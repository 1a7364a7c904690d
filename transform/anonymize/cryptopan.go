package anonymize

import (
	"crypto/aes"
	"crypto/cipher"
)

// cryptoPAn is the prefix-preserving function of Xu, Fan, Ammar and Moon
// (2002): bit i of an address is flipped or not by a keyed bit of the i bits
// before it. It belongs to one goroutine.
type cryptoPAn struct {
	block   cipher.Block
	pad     [aes.BlockSize]byte // what fills the block behind the bits
	in, out [aes.BlockSize]byte // here, because arguments of an interface escape
}

func newCryptoPAn(key [KeyBytes]byte) *cryptoPAn {
	block, err := aes.NewCipher(key[:aes.BlockSize])
	if err != nil {
		panic(err) // the length is right
	}
	c := &cryptoPAn{block: block}
	block.Encrypt(c.pad[:], key[aes.BlockSize:])
	return c
}

// apply replaces an address of width bits at the front of a by its pseudonym.
// The first keep bits stay as they are; with 0 it is Crypto-PAn as published.
func (c *cryptoPAn) apply(a *[16]byte, keep, width int) {
	c.in = c.pad
	for pos := range keep {
		c.follow(a, pos)
	}
	plain := *a
	for pos := keep; pos < width; pos++ {
		c.block.Encrypt(c.out[:], c.in[:])
		a[pos>>3] ^= c.out[0] & 0x80 >> (pos & 7)
		c.follow(&plain, pos)
	}
}

// follow puts bit pos of an address into the block to be encrypted next.
func (c *cryptoPAn) follow(a *[16]byte, pos int) {
	bit := byte(0x80) >> (pos & 7)
	c.in[pos>>3] = c.in[pos>>3]&^bit | a[pos>>3]&bit
}
