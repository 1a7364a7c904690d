package layer

// Protocols that are met at any port are recognised by the first bytes above
// the transport layer: their headers hold enough that is fixed. A port that
// is registered goes first (Decoder.ByPort). Only a few bytes are looked at,
// and of most payloads only one.

// The keys of what first bytes say.
const (
	contentHTTP  = Key(contents<<16) + iota
	contentSSH   // identification string or key exchange
	contentTLS   // records
	contentHello // TLS handshake messages without records
	contentQUIC  // long header
)

// streamContent gives the key of what a TCP segment begins with.
func streamContent(b []byte) Key {
	switch c := b[0]; {
	case c == 0:
		if isKexInit(b) {
			return contentSSH
		}
	case c >= tlsChangeCipherSpec && c <= tlsHeartbeat:
		if isTLSRecord(b) {
			return contentTLS
		}
	case c == 'S' && hasPrefix(b, "SSH-"):
		return contentSSH
	case isTokenByte(c):
		if isHTTP(b) {
			return contentHTTP
		}
	}
	return 0
}

// datagramContent gives the key of what a UDP datagram begins with.
func datagramContent(b []byte) Key {
	if b[0]&0x80 != 0 && isQUICLong(b) {
		return contentQUIC
	}
	return 0
}

// hasPrefix is bytes.HasPrefix with a string.
func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// upper gives what is above a transport header: the key of the protocol known
// for a port, else of the one that the first bytes of b are of, and b.
func (d *Decoder) upper(registry func(uint16) Key, content func([]byte) Key, src, dst uint16, b []byte) (Key, []byte) {
	if len(b) == 0 {
		return 0, b
	}
	key := d.ByPort(registry, src, dst)
	if key == 0 {
		key = content(b)
	}
	return key, b
}
