package layer

// dnsName reads domain names out of messages, with a buffer of its own.
type dnsName struct {
	text   []byte // escaped, without the final dot
	length int    // of the name with dots between labels, before escaping
	labels int
}

// maxNameLen is the most bytes of a name on the wire (RFC 1035, 3.1).
const maxNameLen = 255

// read reads the name at message[at:], following compression pointers, and
// returns where the message goes on, or -1 for a name that does not fit, is
// too long, or points forward.
func (n *dnsName) read(message []byte, at int) (next int) {
	n.text, n.length, n.labels = n.text[:0], 0, 0
	next = -1
	start := at // of the labels being read; a pointer must lead before it, so reading ends
	for wire := 0; at < len(message); {
		size := int(message[at])
		switch {
		case size == 0:
			if next < 0 {
				next = at + 1
			}
			if n.labels == 0 {
				n.text = append(n.text, '.')
			} else {
				n.length--
				n.text = n.text[:len(n.text)-1]
			}
			return next
		case size < 0x40:
			wire += size + 1
			if at+1+size > len(message) || wire >= maxNameLen {
				return -1
			}
			n.text = appendLabel(n.text, message[at+1:at+1+size])
			n.text = append(n.text, '.')
			n.length += size + 1
			n.labels++
			at += 1 + size
		case size >= 0xc0 && at+1 < len(message):
			to := (size&0x3f)<<8 | int(message[at+1])
			if to >= start {
				return -1
			}
			if next < 0 {
				next = at + 2
			}
			at, start = to, to
		default:
			return -1
		}
	}
	return -1
}

// skipName returns where the message goes on behind the name at
// message[at:], or -1 where it does not fit. It does not follow pointers.
func skipName(message []byte, at int) int {
	for at >= 0 && at < len(message) {
		size := int(message[at])
		switch {
		case size == 0:
			return at + 1
		case size < 0x40:
			at += 1 + size
		case size >= 0xc0 && at+2 <= len(message):
			return at + 2
		default:
			return -1
		}
	}
	return -1
}

// appendLabel writes a label as RFC 4343, section 2.1, does: dots,
// backslashes and bytes that are not printable ASCII as \DDD; semicolons as
// well, which separate the names of a list.
func appendLabel(dst, label []byte) []byte {
	for _, c := range label {
		if c > ' ' && c < 0x7f && c != '.' && c != '\\' && c != ';' {
			dst = append(dst, c)
		} else {
			dst = appendEscaped(dst, c)
		}
	}
	return dst
}
