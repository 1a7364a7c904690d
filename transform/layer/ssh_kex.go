package layer

import (
	"bytes"

	"github.com/pcapline/pcapline/transform/schema"
)

// Parts of a binary packet with a key exchange's beginning (RFC 4253, 6 and 7.1).
const (
	sshKexInit      = 20
	sshMaxPacket    = 35000
	sshHeader       = 6 // packet length, padding length, message number
	sshCookie       = 16
	sshMinPadding   = 4
	sshFirstList    = sshHeader + sshCookie
	sshPort         = 22
	sshLengthOfList = 4
)

// isKexInit reports whether b begins with SSH_MSG_KEXINIT in the clear. The
// first list of names is looked at, for any data may begin as the header does.
func isKexInit(b []byte) bool {
	if len(b) < sshFirstList+sshLengthOfList || b[0] != 0 || b[1] != 0 || b[5] != sshKexInit {
		return false
	}
	n, list := int(be.Uint32(b)), int(be.Uint32(b[sshFirstList:]))
	if n > sshMaxPacket || b[4] < sshMinPadding || int(b[4])+sshFirstList > n || list == 0 || list > n-sshFirstList {
		return false
	}
	for _, c := range bounded(b[sshFirstList+sshLengthOfList:], min(list, 16)) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// decodeKexInit takes the lists of names.
func (s *SSH) decodeKexInit(d *Decoder, b []byte) {
	whole := true
	n := 4 + int(be.Uint32(b))
	if n > len(b) {
		n, whole = len(b), false
	}
	c := cursor{b: b[sshFirstList:n]}
	lists := [...]*schema.Optional[schema.Text]{
		&s.KexAlgorithms, &s.HostKeys, &s.EncryptionC2S, &s.EncryptionS2C,
		&s.MACC2S, &s.MACS2C, &s.CompressionC2S, &s.CompressionS2C,
	}
	var names [len(lists)][]byte
	for i, column := range lists {
		names[i] = c.vector32()
		if c.short {
			d.noteEnd(whole)
			return
		}
		column.Set(d.Row, d.Printable(names[i]))
	}
	switch sshSender(d, names[0]) {
	case sshClient:
		s.HASSH.Set(d.Row, s.hassh(d, names[0], names[2], names[4], names[6]))
	case sshServer:
		s.HASSHServer.Set(d.Row, s.hassh(d, names[0], names[3], names[5], names[7]))
	}
}

// hassh is the MD5 of the lists joined by semicolons.
func (s *SSH) hassh(d *Decoder, lists ...[]byte) schema.Text {
	p := &s.print
	p.text = p.text[:0]
	for i, list := range lists {
		if i > 0 {
			p.text = append(p.text, ';')
		}
		p.text = append(p.text, list...)
	}
	return d.Text(p.md5())
}

type sshSide int

const (
	sshUnknown sshSide = iota
	sshClient
	sshServer
)

// sshSender says which side sent the key exchange methods: some are names of
// extensions that only one side sends (RFC 8308, 2.1), else port 22 tells.
func sshSender(d *Decoder, kex []byte) sshSide {
	switch {
	case bytes.Contains(kex, []byte("ext-info-c")), bytes.Contains(kex, []byte("kex-strict-c-")):
		return sshClient
	case bytes.Contains(kex, []byte("ext-info-s")), bytes.Contains(kex, []byte("kex-strict-s-")):
		return sshServer
	case d.Digest.DstPort == sshPort:
		return sshClient
	case d.Digest.SrcPort == sshPort:
		return sshServer
	}
	return sshUnknown
}
