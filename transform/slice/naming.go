package slice

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/transform/flow"
)

const ending = ".pcapng"

// maxName is the most bytes of a label in a file's name.
const maxName = 120

// safe makes a file name of a text: letters, digits, -, _ and dots that are
// not in front stay, other bytes become %XX, so that different texts have
// different names; a long one is cut, with a hash of the whole behind it.
func safe(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	name := b.String()
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf("%s%%-%x", name[:maxName], sum[:8])
	}
	if name == "" {
		return "%"
	}
	return name
}

// flowFile names a flow's file as SplitCap does, the initiator first, with the
// flow's id behind: TCP_10-0-0-1_1234_10-0-0-2_80_17.pcapng. With a table's
// labels it is in a folder of the label.
func flowFile(t *taken) string {
	d := t.digest
	src, dst, sport, dport := d.Src, d.Dst, d.SrcPort, d.DstPort
	if t.backward {
		src, dst, sport, dport = dst, src, dport, sport
	}
	dashes := strings.NewReplacer(".", "-", ":", "-", "%", "-")
	var b strings.Builder
	if t.label != "" {
		b.WriteString(safe(t.label) + "/")
	}
	b.WriteString(protoName(d))
	b.WriteString("_" + dashes.Replace(src.String()))
	if sport != 0 || dport != 0 {
		b.WriteString("_" + strconv.Itoa(int(sport)))
	}
	b.WriteString("_" + dashes.Replace(dst.String()))
	if sport != 0 || dport != 0 {
		b.WriteString("_" + strconv.Itoa(int(dport)))
	}
	b.WriteString("_" + strconv.FormatInt(t.flow, 10) + ending)
	return b.String()
}

// protoName is the protocol in a file's name.
func protoName(d *flow.Digest) string {
	const arp = 0x0806
	switch {
	case d.EtherType == arp:
		return "ARP"
	case d.Proto == 1:
		return "ICMP"
	case d.Proto == 6:
		return "TCP"
	case d.Proto == 17:
		return "UDP"
	case d.Proto == 58:
		return "ICMPv6"
	}
	return "IP" + strconv.Itoa(int(d.Proto))
}
