package layer

// Types of handshake messages.
const (
	tlsHelloRequest = 0
	tlsClientHello  = 1
	tlsServerHello  = 2
	tlsCertificate  = 11
)

// tlsMessages has the bits of the types of handshake messages that are sent
// in the clear (RFC 8446, B.3; RFC 5246, A.4; RFC 5077; RFC 4492; RFC 6066).
const tlsMessages uint32 = 1<<tlsHelloRequest | 1<<tlsClientHello | 1<<tlsServerHello | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<8 |
	1<<tlsCertificate | 1<<12 | 1<<13 | 1<<14 | 1<<15 | 1<<16 | 1<<20 | 1<<21 | 1<<22 | 1<<23 | 1<<24 | 1<<25

// decodeHandshake takes the messages in a record of n bytes, of which body is
// the front. Encrypted ones look like none and are passed over.
func (t *TLS) decodeHandshake(d *Decoder, body []byte, n int) {
	if !isPlainHandshake(body, n) {
		return
	}
	for len(body) >= 4 && len(t.messages) < maxTLSRecords {
		typ, size := body[0], int(be.Uint32(body)&0xffffff)
		t.messages = append(t.messages, typ)
		body = body[4:]
		message := cursor{b: body[:min(size, len(body))]}
		whole := size <= len(body)
		if !t.LegacyVersion.Has(d.Row) {
			switch typ {
			case tlsClientHello:
				t.decodeClientHello(d, message, whole)
			case tlsServerHello:
				t.decodeServerHello(d, message, whole)
			}
		}
		body = body[len(message.b):]
	}
}

// isPlainHandshake reports whether a record's body is messages in the clear:
// their types exist, and their lengths lead to the record's end, n. Who is
// asked knows no more of the connection than this packet.
func isPlainHandshake(body []byte, n int) bool {
	for at := 0; at < n; {
		if at+4 > len(body) {
			return at > 0 // the segment ends here
		}
		typ, size := body[at], int(be.Uint32(body[at:])&0xffffff)
		if typ >= 32 || tlsMessages&(1<<typ) == 0 || typ == tlsHelloRequest && n != 4 {
			return false
		}
		if at+4+size > n {
			return isBegunMessage(typ, body[at+4:], size)
		}
		at += 4 + size
	}
	return n > 0
}

// isBegunMessage reports whether what looks like a message that goes on in
// the next record is one: b, its front, must bear out its type.
func isBegunMessage(typ byte, b []byte, size int) bool {
	switch typ {
	case tlsClientHello, tlsServerHello:
		return len(b) >= 2 && b[0] == 3 && b[1] <= 4
	case tlsCertificate:
		return len(b) >= 3 && int(b[0])<<16|int(be.Uint16(b[1:])) == size-3
	}
	return false
}
