package filter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

// writeMixed makes testdata/mixed.pcap: packets from all over the lab captures,
// and made from them what the lab lacks: VLAN tags, MPLS, PPPoE, 802.2,
// fragments, IP options, and packets cut short.
func writeMixed(t *testing.T) {
	lab, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "lab", "*.zst"))
	if len(lab) == 0 {
		t.Fatal("-update needs ../shared beside the checkout")
	}
	var recs []record
	kinds := map[string]int{}
	for _, f := range lab {
		_, all := convert(t, f, "3000")
		for i, r := range all {
			k := fmt.Sprintf("% x % x", r.data[12:14], r.data[23])
			if len(r.data) > 200 || len(r.data) < 42 || (i%333 != 7 && kinds[k] > 5) {
				continue
			}
			kinds[k]++
			recs = append(recs, r)
		}
	}
	first := map[string][]byte{}
	for _, r := range recs {
		k := "v4"
		switch binary.BigEndian.Uint16(r.data[12:]) {
		case etherARP:
			k = "arp"
		case etherIP6:
			k = "v6"
		}
		k += fmt.Sprint(r.data[23])
		if k == "v46" && r.data[36] == 0 && r.data[37] == 80 {
			k = "http"
		}
		if first[k] == nil {
			first[k] = r.data
		}
	}
	var bases [][]byte
	for _, k := range []string{"http", "v46", "v417", "v41", "v66", "v658", "arp0", "arp1"} {
		if b := first[k]; b != nil {
			bases = append(bases, b)
		}
	}
	for _, b := range bases {
		for _, v := range variants(b) {
			recs = append(recs, record{v, len(v)})
		}
	}
	for _, b := range bases[:4] {
		for n := 0; n < len(b); n += 3 {
			recs = append(recs, record{b[:n], len(b)})
		}
	}
	if err := os.WriteFile("testdata/mixed.pcap", pcapFile(pcapio.LinkEthernet, recs), 0o644); err != nil {
		t.Fatal(err)
	}
}

// variants puts a packet under other headers.
func variants(b []byte) [][]byte {
	addr, rest, payload := b[:12], b[12:], b[14:]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	vlan := func(tpid, id int) []byte { return []byte{byte(tpid >> 8), byte(tpid), byte(id >> 8), byte(id)} }
	label := func(n int, bottom byte) []byte { return []byte{byte(n >> 12), byte(n >> 4), byte(n<<4) | bottom, 64} }
	ppp := []byte{0, 0x21}
	if rest[0] == 0x86 {
		ppp = []byte{0, 0x57}
	}
	out := [][]byte{
		join(addr, vlan(0x8100, 10), rest),
		join(addr, vlan(0x8100, 0x2005), rest),
		join(addr, vlan(0x9100, 7), rest),
		join(addr, vlan(0x88a8, 5), vlan(0x8100, 10), rest),
		join(addr, vlan(0x8100, 5), vlan(0x8100, 6), rest),
		join(addr, vlan(0x8100, 5), vlan(0x8100, 6), vlan(0x8100, 3), rest),
		join(addr, []byte{0x88, 0x47}, label(100, 1), payload),
		join(addr, []byte{0x88, 0x47}, label(100, 0), label(200, 1), payload),
		join(addr, vlan(0x8100, 10), []byte{0x88, 0x47}, label(5, 1), payload),
		join(addr, []byte{0x88, 0x64, 0x11, 0, 0, 7, 0, 99}, ppp, payload),
		join(addr, vlan(0x8100, 10), []byte{0x88, 0x64, 0x11, 0, 0, 8, 0, 99}, ppp, payload),
		join(addr, []byte{0x88, 0x63}, payload),
		join(addr, []byte{0, 60, 0x42, 0x42, 3}, payload[:40]),
		join(addr, []byte{0, 60, 0xfe, 0xfe, 3, 0x83}, payload[:40]),
		join(addr, []byte{0, 60, 0xfe, 0xfe, 3, 0x82}, payload[:40]),
		join(addr, []byte{0, 60, 0xfe, 0xfe, 3, 0x81}, payload[:40]),
		join(addr, []byte{0, 60, 0xf0, 0xf0, 3}, payload[:40]),
		join(addr, []byte{0, 60, 0xe0, 0xe0, 3}, payload[:40]),
		join(addr, []byte{0, 60, 0xff, 0xff, 0}, payload[:40]),
		join(addr, []byte{0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0x37}, payload[:40]),
		join(addr, []byte{0, 60, 0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b}, payload[:40]),
		join(addr, []byte{0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 0x80, 0xf3}, payload[:40]),
		join(addr, []byte{0x80, 0x35}, payload),
		join(addr, []byte{0x60, 3}, payload), join(addr, []byte{0x60, 4}, payload), join(addr, []byte{0x88, 0xcc}, payload),
		join([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, b[6:]), join([]byte{1, 0, 0x5e, 0, 0, 5}, b[6:]),
	}
	if rest[0] == 8 && rest[1] == 0 {
		out = append(out, fourVariants(b)...)
	}
	if rest[0] == 0x86 {
		out = append(out, sixVariants(b)...)
	}
	return out
}

// fourVariants changes what filters look at in IPv4.
func fourVariants(b []byte) (out [][]byte) {
	change := func(off int, v ...byte) []byte {
		c := append([]byte(nil), b...)
		copy(c[off:], v)
		return c
	}
	for _, p := range []byte{2, 9, 50, 51, 89, 103, 112, 132} {
		out = append(out, change(23, p))
	}
	for _, v := range [][]byte{{0x20, 0}, {0x20, 7}, {0, 7}, {0x40, 0}} {
		out = append(out, change(20, v...))
	}
	out = append(out, change(30, 224, 0, 0, 5), change(30, 255, 255, 255, 255), change(30, 0, 0, 0, 0), change(30, b[26:30]...), change(22, 3))
	options := append(append(append([]byte(nil), b[:34]...), 1, 1, 1, 1, 1, 1, 1, 0), b[34:]...)
	options[14] = 0x47
	ports := func(src, dst byte) []byte { return change(34, 0, src, 0, dst) }
	return append(out, options, ports(22, 200), ports(53, 53), ports(20, 25), change(34, 1, 0xbb, 0x20, 0), change(36, 0x1f, 0x90), change(14, 0x4f))
}

// sixVariants changes what filters look at in IPv6.
func sixVariants(b []byte) (out [][]byte) {
	for _, p := range []byte{44, 50, 51, 103, 132, 0} {
		c := append([]byte(nil), b...)
		c[20] = p
		out = append(out, c)
	}
	fragment := append(append(append([]byte(nil), b[:54]...), b[20], 0, 0, 0, 0, 0, 0, 1), b[54:]...)
	fragment[20] = 44
	return append(out, fragment)
}

// writeGolden writes what tcpdump makes of mixed.pcap.
func writeGolden(t *testing.T) {
	tool := tcpdump(t)
	file, _ := mixed(t)
	var b strings.Builder
	for _, expr := range expressions(t) {
		nums, err := theirs(t, tool, file, expr, false)
		plain, _ := theirs(t, tool, file, expr, true)
		count := itoa(len(nums))
		switch {
		case err != nil:
			count = "refused"
		case len(plain) != len(nums):
			count += "|" + itoa(len(plain))
		}
		fmt.Fprintf(&b, "%s\t%s\n", count, expr)
	}
	if err := os.WriteFile("testdata/golden.txt", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
