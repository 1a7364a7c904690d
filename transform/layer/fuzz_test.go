package layer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

var fuzzLinks = []pcapio.LinkType{
	pcapio.LinkNull, pcapio.LinkEthernet, pcapio.LinkPPP, pcapio.LinkRaw, pcapio.LinkLoop,
	pcapio.LinkSLL, pcapio.LinkIPv4, pcapio.LinkIPv6, pcapio.LinkSLL2, pcapio.LinkIEEE80211,
	pcapio.LinkIEEE80211Radio, 999,
}

// FuzzDecode decodes a packet as each link type twice in one table. Whatever
// it holds, there is one row a packet, every column agrees with its presence,
// text is UTF-8, and the second row is the first.
func FuzzDecode(f *testing.F) {
	for _, c := range slices.Concat(packets, wlanPackets, tunnelPackets, checksumPackets) {
		data := unhex(c.hex)
		if c.ls != nil {
			data = build(f, c.ls...)
		}
		f.Add(data, uint16(0))
		f.Add(data, uint16(7))
	}
	f.Add(inUDP(f, unhex(response), 53), uint16(0))
	f.Add(inTCP(f, unhex("0021"+queryHeader+question)), uint16(0))
	for _, p := range seeds(f) {
		f.Add(p.Data, uint16(max(int(p.WireLen)-len(p.Data), 0)))
	}
	tab := NewTable(Options{})
	f.Fuzz(func(t *testing.T, data []byte, missing uint16) {
		tab.Reset()
		var first, second flow.Digest
		for _, link := range fuzzLinks {
			p := pcapio.Packet{Data: data, WireLen: uint32(len(data) + int(missing)), LinkType: link}
			tab.Append(&p, 0, &first)
			tab.Append(&p, 0, &second)
			if first != second {
				t.Fatalf("%s: %+v, then %+v", link, first, second)
			}
			if int(first.PayloadLen) > len(data)+int(missing) {
				t.Fatalf("%s: payload of %d bytes in %d", link, first.PayloadLen, len(data)+int(missing))
			}
		}
		checkRows(t, tab, 2*len(fuzzLinks))
		checkText(t, tab.Batch())
	})
}

func checkText(t *testing.T, b *schema.Batch) {
	for _, c := range b.Columns {
		texts, _ := c.Data().([]schema.Text)
		for _, s := range texts {
			if !utf8.Valid(s) {
				t.Fatalf("%s: %q is not UTF-8", c.Field().Name, s)
			}
		}
	}
}

// seeds are some packets of each bundled capture, and all of the hostile ones.
func seeds(f *testing.F) (out []pcapio.Packet) {
	files, err := filepath.Glob(filepath.Join(bundledLab, "*.pcapng.zst"))
	if err != nil || len(files) == 0 {
		f.Fatal("no bundled captures: ", err)
	}
	files = append(files, goldenMixed)
	for _, pattern := range []string{wlanFiles, tunnelFiles, hostileFiles} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			f.Fatal("no captures match ", pattern, ": ", err)
		}
		files = append(files, found...)
	}
	for _, path := range files {
		packets := readCapture(f, path)
		for i := 0; i < len(packets); i += max(len(packets)/8, 1) {
			out = append(out, packets[i])
		}
	}
	return out
}

// hostileFiles are captures that were made to break decoders: for each way in
// which a header can be wrong the smallest there was.
const hostileFiles = "testdata/hostile/*.pcap*"

// TestHostileGolden says of each of their packets how far it was decoded.
func TestHostileGolden(t *testing.T) {
	files, err := filepath.Glob(hostileFiles)
	if err != nil || len(files) == 0 {
		t.Fatal("no hostile captures: ", err)
	}
	var out strings.Builder
	for _, path := range files {
		packets := readCapture(t, path)
		tab := decodeAll(packets)
		checkRows(t, tab, len(packets))
		rows := newRowTexts(tab.Batch())
		for i := range packets {
			row := rows.next()
			fmt.Fprintf(&out, "%s %d: %s payload %s | %s\n", filepath.Base(path), i+1, row["frame_protocols"], row["payload_len"], row["decode_error"])
		}
	}
	compareGolden(t, "hostile.golden", out.String())
}

// TestHostileCaptures decodes the captures of other tools' test suites, which
// were made to break decoders.
func TestHostileCaptures(t *testing.T) {
	n := 0
	paths := captureFiles(t)
	for _, path := range paths {
		packets := readCapture(t, path)
		tab := decodeAll(packets)
		checkRows(t, tab, len(packets))
		checkText(t, tab.Batch())
		n += len(packets)
	}
	t.Logf("%d packets of %d captures", n, len(paths))
}
