package pcapio

import "strings"

// Options that every block may have.
const (
	optEnd     = 0
	optComment = 1
)

// options calls do with each option of a list.
func (p *pcapng) options(b []byte, do func(code uint16, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return corrupt("%d bytes where an option should be", len(b))
		}
		code, n := p.u16(b), p.u16(b[2:])
		if code == optEnd {
			return nil
		}
		if room := len(b) - 4; pad4(uint32(n)) > room {
			return corrupt("option %d of %d bytes where %d are left", code, n, room)
		}
		if err := do(code, b[4:4+int(n)]); err != nil {
			return err
		}
		b = b[4+pad4(uint32(n)):]
	}
	return nil
}

// text makes a string of an option's value. Some writers end it with zeros;
// bytes that are no UTF-8 become U+FFFD.
func text(v []byte) string {
	return strings.ToValidUTF8(strings.TrimRight(string(v), "\x00"), "\uFFFD")
}

// comment keeps a comment of a block that is no packet.
func (p *pcapng) comment(v []byte) {
	if p.commentBytes+len(v) > maxCommentBytes {
		p.file.CommentsCut++
		return
	}
	p.commentBytes += len(v)
	p.file.Comments = append(p.file.Comments, text(v))
}

// keep makes a string of an option that the File keeps, and counts its bytes.
func (p *pcapng) keep(v []byte) string {
	p.textBytes += len(v)
	return text(v)
}

// kept refuses files that describe themselves without end.
func (p *pcapng) kept(err error) error {
	if err == nil && p.textBytes > maxTextBytes {
		return corrupt("more than %d bytes describe sections and interfaces", maxTextBytes)
	}
	return err
}
