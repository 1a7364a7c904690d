package layer

import "github.com/pcapline/pcapline/transform/schema"

// TCP option kinds (IANA).
const (
	tcpOptionEnd       = 0
	tcpOptionNOP       = 1
	tcpOptionMSS       = 2
	tcpOptionWScale    = 3
	tcpOptionSACKPerm  = 4
	tcpOptionSACK      = 5
	tcpOptionTimestamp = 8
)

// decodeOptions fills the columns of the options in b. Of an option that
// comes twice the first counts; one with a wrong length is passed over.
func (t *TCP) decodeOptions(d *Decoder, b []byte) {
	permitted := false
	if len(b) > 0 {
		t.Options.Set(d.Row, schema.Bytes(b))
	}
options:
	for len(b) > 0 {
		switch b[0] {
		case tcpOptionEnd:
			break options
		case tcpOptionNOP:
			b = b[1:]
			continue
		}
		if len(b) < 2 || int(b[1]) < 2 || int(b[1]) > len(b) {
			d.Note("malformed option")
			break
		}
		if b[0] == tcpOptionSACKPerm && b[1] == 2 {
			permitted = true
		} else {
			t.decodeOption(d, b[0], b[2:b[1]])
		}
		b = b[b[1]:]
	}
	t.SACKPerm.Append(permitted)
}

func (t *TCP) decodeOption(d *Decoder, kind byte, v []byte) {
	row := d.Row
	switch {
	case kind == tcpOptionMSS && len(v) == 2 && !t.MSS.Has(row):
		t.MSS.Set(row, be.Uint16(v))
		d.Digest.MSS = be.Uint16(v)
	case kind == tcpOptionWScale && len(v) == 1 && !t.WScale.Has(row):
		t.WScale.Set(row, v[0])
		d.Digest.WScale = v[0]
	case kind == tcpOptionTimestamp && len(v) == 8 && !t.TSVal.Has(row):
		t.TSVal.Set(row, be.Uint32(v))
		t.TSEcr.Set(row, be.Uint32(v[4:]))
	case kind == tcpOptionSACK && len(v)%8 == 0 && !t.SACKLeft.Has(row):
		t.left, t.right = t.left[:0], t.right[:0]
		for ; len(v) > 0; v = v[8:] {
			t.left = append(t.left, be.Uint32(v))
			t.right = append(t.right, be.Uint32(v[4:]))
		}
		t.SACKLeft.Set(row, t.left...)
		t.SACKRight.Set(row, t.right...)
	}
}
