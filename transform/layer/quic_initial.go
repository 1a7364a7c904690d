package layer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"slices"
)

// quicPacket is a packet with a long header. bytes is all of it, header the
// length of what is before its packet number.
type quicPacket struct {
	version uint32
	dcid    []byte
	bytes   []byte
	header  int
}

// quicSecrets are what the keys of Initial packets are derived from
// (RFC 9001, 5.2; RFC 9369, 3.3). Anybody can: they protect from accidents
// only.
type quicSecrets struct {
	salt         []byte
	key, iv, hdr string
}

var quicSecretsV1 = quicSecrets{
	salt: []byte("\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"),
	key:  "quic key", iv: "quic iv", hdr: "quic hp",
}

var quicSecretsV2 = quicSecrets{
	salt: []byte("\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"),
	key:  "quicv2 key", iv: "quicv2 iv", hdr: "quicv2 hp",
}

func quicHasKeys(version uint32) bool { return version == quicV1 || version == quicV2 }

// quicKeys open the packets of one direction.
type quicKeys struct {
	aead   cipher.AEAD
	iv     []byte
	header cipher.Block
}

// clientKeys derives the keys of a client's Initial packets to a connection.
func (s *quicSecrets) clientKeys(dcid []byte) (k quicKeys, err error) {
	initial, err := hkdf.Extract(sha256.New, dcid, s.salt)
	if err != nil {
		return k, err
	}
	client, err := expandLabel(initial, "client in", sha256.Size)
	if err != nil {
		return k, err
	}
	var parts [3][]byte
	for i, label := range []string{s.key, s.iv, s.hdr} {
		size := 16
		if i == 1 {
			size = 12
		}
		if parts[i], err = expandLabel(client, label, size); err != nil {
			return k, err
		}
	}
	block, err := aes.NewCipher(parts[0])
	if err != nil {
		return k, err
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return k, err
	}
	k.iv = parts[1]
	k.header, err = aes.NewCipher(parts[2])
	return k, err
}

// expandLabel is HKDF-Expand-Label of RFC 8446, 7.1, without a context.
func expandLabel(secret []byte, label string, n int) ([]byte, error) {
	info := []byte{byte(n >> 8), byte(n), byte(len("tls13 ") + len(label))}
	info = append(append(append(info, "tls13 "...), label...), 0)
	return hkdf.Expand(sha256.New, secret, string(info), n)
}

// open removes the protection of a client's first Initial packets (RFC 9001,
// 5.3 and 5.4) and returns frames and packet number. Others do not open: their
// keys follow from an ID that is not in them.
func (p *quicPacket) open() (frames []byte, number uint32, ok bool) {
	const sample = 16
	secrets := &quicSecretsV1
	if p.version == quicV2 {
		secrets = &quicSecretsV2
	}
	if len(p.bytes) < p.header+4+sample {
		return nil, 0, false
	}
	keys, err := secrets.clientKeys(p.dcid)
	if err != nil {
		return nil, 0, false
	}
	var mask [aes.BlockSize]byte
	keys.header.Encrypt(mask[:], p.bytes[p.header+4:][:sample])
	first := p.bytes[0] ^ mask[0]&0x0f
	n := int(first&3) + 1
	aad := slices.Clone(p.bytes[:p.header+n])
	aad[0] = first
	nonce := slices.Clone(keys.iv)
	for i := range n {
		aad[p.header+i] ^= mask[1+i]
		number = number<<8 | uint32(aad[p.header+i])
	}
	for i := range 4 {
		nonce[len(nonce)-1-i] ^= byte(number >> (8 * i))
	}
	frames, err = keys.aead.Open(nil, nonce, p.bytes[p.header+n:], aad)
	return frames, number, err == nil
}

// quicInitial puts the crypto stream of a datagram's Initial packets together
// (RFC 9000, 19.6).
type quicInitial struct {
	frames []cryptoFrame
	whole  []byte
}

type cryptoFrame struct {
	at   uint64
	data []byte
}

func (q *quicInitial) reset() { q.frames, q.whole = q.frames[:0], q.whole[:0] }

// take keeps the CRYPTO frames of a packet. It reports whether all frames are
// well formed and of the types that Initial packets may have (RFC 9000,
// 17.2.2).
func (q *quicInitial) take(frames []byte) (ok bool) {
	c := cursor{b: frames}
	for len(c.b) > 0 && !c.short {
		switch typ := c.varint(); typ {
		case 0, 1: // PADDING, PING
		case 2, 3:
			skipACK(&c, typ == 3)
		case 6:
			at := c.varint()
			data := c.sized(c.varint())
			if !c.short {
				q.frames = append(q.frames, cryptoFrame{at, data})
			}
		case 0x1c: // CONNECTION_CLOSE
			c.varint()
			c.varint()
			c.sized(c.varint())
		default:
			return false
		}
	}
	return !c.short
}

// skipACK passes over an ACK frame (RFC 9000, 19.3).
func skipACK(c *cursor, ecn bool) {
	c.varint() // largest acknowledged
	c.varint() // delay
	ranges := c.varint()
	c.varint() // first range
	for ; ranges > 0 && !c.short; ranges-- {
		c.varint()
		c.varint()
	}
	if ecn {
		c.varint()
		c.varint()
		c.varint()
	}
}

// stream gives the stream's bytes from its beginning up to the first gap.
func (q *quicInitial) stream() []byte {
	slices.SortStableFunc(q.frames, func(a, b cryptoFrame) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	for _, f := range q.frames {
		have := uint64(len(q.whole))
		if f.at > have {
			break
		}
		if f.at+uint64(len(f.data)) > have {
			q.whole = append(q.whole, f.data[have-f.at:]...)
		}
	}
	return q.whole
}
