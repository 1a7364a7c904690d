package filter

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

var update = flag.Bool("update", false, "write testdata/mixed.pcap and golden.txt anew with tcpdump and the lab captures beside the checkout")

// record is a packet of a test: its place is its number.
type record struct {
	data    []byte
	wireLen int
}

// pcapFile writes records with their number as the time, so that those which
// tcpdump lets through can be told apart.
func pcapFile(link pcapio.LinkType, recs []record) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint32(b, 0x00040002)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, 262144)
	b = le.AppendUint32(b, uint32(link))
	for i, r := range recs {
		b = le.AppendUint32(b, uint32(i))
		b = le.AppendUint32(b, 0)
		b = le.AppendUint32(b, uint32(len(r.data)))
		b = le.AppendUint32(b, uint32(r.wireLen))
		b = append(b, r.data...)
	}
	return b
}

// readPcap reads what tcpdump writes on this machine: microseconds, in the
// machine's byte order. It gives the seconds, too.
func readPcap(t testing.TB, b []byte) (link pcapio.LinkType, recs []record, seconds []uint32) {
	t.Helper()
	le := binary.LittleEndian
	if len(b) < 24 || le.Uint32(b) != 0xa1b2c3d4 {
		t.Fatalf("not a pcap file of this machine: % x", b[:min(len(b), 24)])
	}
	link = pcapio.LinkType(le.Uint32(b[20:]))
	for b = b[24:]; len(b) >= 16; {
		n := int(le.Uint32(b[8:]))
		recs = append(recs, record{b[16 : 16+n], int(le.Uint32(b[12:]))})
		seconds = append(seconds, le.Uint32(b))
		b = b[16+n:]
	}
	return link, recs, seconds
}

func tcpdump(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed")
	}
	return path
}

// expressions of both files of testdata.
func expressions(t testing.TB) []string {
	return append(lines(t, "filters.txt"), lines(t, "more.txt")...)
}

// TestGolden needs nothing: counts that tcpdump gave for testdata/mixed.pcap.
func TestGolden(t *testing.T) {
	if *update {
		writeMixed(t)
		writeGolden(t)
	}
	_, recs := mixed(t)
	golden := map[string]string{}
	for _, l := range lines(t, "golden.txt") {
		count, expr, _ := strings.Cut(l, "\t")
		golden[expr] = count
	}
	nonzero := 0
	for _, expr := range expressions(t) {
		want, ok := golden[expr]
		if !ok {
			t.Errorf("%s: not in golden.txt; run with -update", expr)
			continue
		}
		p, err := Compile(expr, ethernet)
		got := "refused"
		if err == nil {
			n := 0
			for _, r := range recs {
				if p.Match(r.data, r.wireLen) {
					n++
				}
			}
			got = itoa(n)
			if n > 0 {
				nonzero++
			}
		}
		if !slices.Contains(strings.Split(want, "|"), got) {
			t.Errorf("%s: %s packets, tcpdump has %s (%v)", expr, got, want, err)
		}
	}
	if all := len(expressions(t)); all < 200 || nonzero < 150 {
		t.Errorf("%d expressions, %d of which match anything", all, nonzero)
	}
}

func mixed(t testing.TB) (string, []record) {
	t.Helper()
	b, err := os.ReadFile("testdata/mixed.pcap")
	if err != nil {
		t.Fatal(err)
	}
	_, recs, _ := readPcap(t, b)
	return "testdata/mixed.pcap", recs
}

// ours is a compiler's answer to an expression: the numbers of the packets.
func ours(expr string, link pcapio.LinkType, recs []record) ([]int, error) {
	p, err := Compile(expr, Options{LinkType: link, Lookup: localhostOnly})
	if err != nil {
		return nil, err
	}
	var out []int
	for i, r := range recs {
		if p.Match(r.data, r.wireLen) {
			out = append(out, i)
		}
	}
	return out, nil
}

// lostChecks are expressions whose arithmetic looks into a protocol on the
// right of an operator only. libpcap forgets to check for that protocol, so
// tcpdump is asked for what was meant.
var lostChecks = map[string]string{
	"ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0": "tcp and ip[6:2] & 0x1fff = 0 and ",
	"1 << (ip[8] & 7) = 1": "ip and ",
}

// theirs asks tcpdump for the numbers of the packets. Its optimizer moves
// tests; on packets that end within the fields that are tested this changes
// the answer, so plain, the program as it was written, is asked for, too.
func theirs(t testing.TB, tool, file, expr string, plain bool) ([]int, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(tool, "-r", file, "-w", "-", "--", lostChecks[expr]+expr)
	if plain {
		cmd.Args = append([]string{tool, "-O"}, cmd.Args[1:]...)
	}
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%v: %s", err, errs.String())
	}
	_, _, seconds := readPcap(t, out.Bytes())
	nums := make([]int, len(seconds))
	for i, s := range seconds {
		nums[i] = int(s)
	}
	return nums, nil
}

// differ lets tcpdump and this package filter the same packets.
func differ(t *testing.T, link pcapio.LinkType, recs []record, exprs []string, lenient bool) {
	tool := tcpdump(t)
	file := filepath.Join(t.TempDir(), "packets.pcap")
	if err := os.WriteFile(file, pcapFile(link, recs), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	work := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for expr := range work {
				got, ourErr := ours(expr, link, recs)
				want, theirErr := theirs(t, tool, file, expr, false)
				switch {
				case ourErr == nil && theirErr != nil:
					t.Errorf("%s %s: compiled, but tcpdump: %v", link, expr, theirErr)
				case ourErr != nil && theirErr == nil && !lenient:
					t.Errorf("%s %s: %v, but tcpdump takes it", link, expr, ourErr)
				case ourErr == nil && theirErr == nil && !slices.Equal(got, want):
					if want, theirErr = theirs(t, tool, file, expr, true); theirErr != nil {
						t.Error(theirErr)
					}
					compare(t, fmt.Sprint(link, " ", expr), got, want, recs)
				}
			}
		})
	}
	for _, e := range exprs {
		work <- e
	}
	close(work)
	wg.Wait()
}

func compare(t *testing.T, what string, got, want []int, recs []record) {
	for i := 0; i < len(got) || i < len(want); i++ {
		var n int
		switch {
		case i < len(got) && i < len(want) && got[i] == want[i]:
			continue
		case i >= len(want) || i < len(got) && got[i] < want[i]:
			n = got[i]
			t.Errorf("%s: packet %d accepted, not by tcpdump (%d, they %d): % x", what, n, len(got), len(want), recs[n].data[:min(80, len(recs[n].data))])
		default:
			n = want[i]
			t.Errorf("%s: packet %d rejected, not by tcpdump (%d, they %d): % x", what, n, len(got), len(want), recs[n].data[:min(80, len(recs[n].data))])
		}
		return
	}
}

func TestTcpdumpMixed(t *testing.T) {
	_, recs := mixed(t)
	differ(t, pcapio.LinkEthernet, recs, expressions(t), false)
}

// TestTcpdumpRefuses: what we refuse in refused.txt, tcpdump refuses too, so
// that the list does not hide what is missing here.
func TestTcpdumpRefuses(t *testing.T) {
	tool := tcpdump(t)
	for _, expr := range lines(t, "refused.txt") {
		if _, err := theirs(t, tool, "testdata/mixed.pcap", expr, false); err == nil {
			t.Errorf("%s: tcpdump takes it", expr)
		}
	}
}

// TestTcpdumpLinks filters the same packets under other link headers; with
// PCAPLINE_LONG=1 by all expressions.
func TestTcpdumpLinks(t *testing.T) {
	_, recs := mixed(t)
	for _, link := range []pcapio.LinkType{pcapio.LinkRaw, pcapio.LinkIPv4, pcapio.LinkIPv6, pcapio.LinkSLL,
		pcapio.LinkSLL2, pcapio.LinkPPP, pcapio.LinkNull, pcapio.LinkLoop} {
		var out []record
		for _, r := range recs {
			if len(r.data) < 14 {
				continue
			}
			typ := binary.BigEndian.Uint16(r.data[12:])
			head, ok := linkHeader(link, typ, r.data)
			if !ok {
				continue
			}
			out = append(out, record{append(head, r.data[14:]...), r.wireLen - 14 + len(head)})
		}
		if len(out) < 20 {
			t.Fatalf("%s: only %d packets", link, len(out))
		}
		var exprs []string
		all := lines(t, "filters.txt")
		if os.Getenv("PCAPLINE_LONG") != "" {
			all = expressions(t)
		}
		for _, e := range all {
			if link == pcapio.LinkSLL2 && (strings.Contains(e, "iso") || strings.Contains(e, "is") || strings.Contains(e, "clnp") ||
				e == "stp" || e == "ipx" || e == "netbeui" || e == "ether proto 0x42") {
				continue // libpcap has no 802.2 under SLL2
			}
			exprs = append(exprs, e)
		}
		differ(t, link, out, append(exprs, "inbound", "outbound", "ifindex 3"), true)
	}
}

// linkHeader is what stands before an IP packet under another link type; false
// when the link type cannot carry it.
func linkHeader(link pcapio.LinkType, typ uint16, ether []byte) ([]byte, bool) {
	be := binary.BigEndian
	v4, v6 := typ == etherIP, typ == etherIP6
	switch link {
	case pcapio.LinkRaw:
		return nil, v4 || v6
	case pcapio.LinkIPv4:
		return nil, v4
	case pcapio.LinkIPv6:
		return nil, v6
	case pcapio.LinkPPP:
		return be.AppendUint16([]byte{0xff, 3}, uint16(pppNumber(int(typ)))), v4 || v6
	case pcapio.LinkNull:
		return []byte{2, 0, 0, 0}, v4 // libpcap knows IPv6 by one system's number only
	case pcapio.LinkLoop:
		return []byte{0, 0, 0, 2}, v4
	case pcapio.LinkSLL:
		h := append([]byte{0, ether[11] % 5, 0, 1, 0, 6}, ether[6:12]...)
		return be.AppendUint16(append(h, 0, 0), typ), true
	case pcapio.LinkSLL2:
		h := be.AppendUint16(nil, typ)
		h = append(h, 0, 0, 0, 0, 0, ether[11]%4, 0, 1, ether[11]%5, 6)
		return append(append(h, ether[6:12]...), 0, 0), true
	}
	return nil, false
}

// TestConstants asks tcpdump for the value of every named constant.
func TestConstants(t *testing.T) {
	tool := tcpdump(t)
	for name, n := range constants {
		out, err := exec.Command(tool, "-y", "EN10MB", "-d", "ip[0] = "+name).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s", name, out)
			continue
		}
		if want := fmt.Sprintf("#%#x ", n); !strings.Contains(string(out), want) {
			t.Errorf("%s is %d here; tcpdump:\n%s", name, n, out)
		}
	}
}

// TestTcpdumpCaptures filters the captures that lie beside the checkout, of
// every link type that both know; a third of them and the first
// packets of each, or with PCAPLINE_LONG=1 all.
func TestTcpdumpCaptures(t *testing.T) {
	data := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skip("no ../shared beside the checkout")
	}
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	byLink := map[pcapio.LinkType][]record{}
	var files []string
	for _, pattern := range []string{"lab/*.zst", "captures/tcpdump/tests/*.pcap*", "captures/libpcap/*/*.pcap*", "captures/pcapng-suite/*/*.pcapng"} {
		m, _ := filepath.Glob(filepath.Join(data, pattern))
		files = append(files, m...)
	}
	sort.Strings(files)
	limit, long := "120", os.Getenv("PCAPLINE_LONG") != ""
	if long {
		limit = "3000"
	}
	for i, f := range files {
		if !long && i%3 != 0 {
			continue
		}
		link, recs := convert(t, f, limit)
		byLink[link] = append(byLink[link], recs...)
	}
	for link, recs := range byLink {
		if _, ok := layouts[link]; !ok {
			continue
		}
		t.Logf("%s: %d packets", link, len(recs))
		exprs := expressions(t)
		if link != pcapio.LinkEthernet && !long {
			exprs = lines(t, "filters.txt")
		}
		differ(t, link, recs, exprs, link != pcapio.LinkEthernet)
	}
}

// convert reads a capture of any kind through tcpdump; what it cannot read is left out.
func convert(t *testing.T, file, limit string) (pcapio.LinkType, []record) {
	t.Helper()
	if strings.HasSuffix(file, ".zst") {
		zstd, err := exec.LookPath("zstd")
		if err != nil {
			return 0xffff, nil
		}
		plain := filepath.Join(t.TempDir(), "lab.pcapng")
		if out, err := exec.Command(zstd, "-q", "-d", "-o", plain, file).CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", file, out)
		}
		defer os.Remove(plain)
		file = plain
	}
	out, _ := exec.Command(tcpdump(t), "-O", "-r", file, "-w", "-", "-c", limit).Output()
	if len(out) < 24 {
		return 0xffff, nil
	}
	link, recs, _ := readPcap(t, out)
	return link, recs
}
