package filter

import (
	"bufio"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/pcapline/pcapline/pcapio"
)

// lines reads a file of testdata, one expression a line.
func lines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if s.Text() != "" {
			out = append(out, s.Text())
		}
	}
	return out
}

var ethernet = Options{LinkType: pcapio.LinkEthernet, Lookup: localhostOnly}

func localhostOnly(host string) ([]netip.Addr, error) {
	if host == "localhost" {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return nil, errors.New("no such host")
}

func TestRefused(t *testing.T) {
	for _, expr := range lines(t, "refused.txt") {
		_, err := Compile(expr, ethernet)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want an *Error", expr, err)
			continue
		}
		if e.Expr != expr || e.Pos < 0 || e.Pos > len(expr) || e.Msg == "" {
			t.Errorf("%s: error %#v", expr, e)
		}
	}
}

func TestErrorPosition(t *testing.T) {
	for _, c := range []struct {
		expr string
		pos  int
		part string
	}{
		{"udp and frobnicate", 8, "lacks a qualifier"},
		{"tcp port nosuchservice", 9, "unknown port"},
		{"host 1.2.3.4 and net 10.1.2.3/24", 21, "outside its mask"},
		{"ip and ether host 1.2.3.4", 18, "not an Ethernet address"},
		{"tcp and (udp", 12, "expected"},
		{"tcp ] udp", 4, "out of place"},
		{"tcp and é", 8, "no meaning"},
		{"gateway foo", 0, "not supported"},
		{"ip proto tcp", 9, `\tcp`},
		{"len / (1 - 1) = 3", 4, "division by zero"},
		{"not tcp[0:8] = 3", 10, "size of data"},
		{"ether[4294963200] = 1", 0, "outside any packet"},
		{"vlan and vlan 4096", 9, "above 4095"},
		{"tcp and udp", 0, "rejects all"},
		{strings.Repeat("(", 1000), maxDepth, "nested"},
		{strings.Repeat("not ", 1000) + "tcp", 4 * maxDepth, "nested"},
		{"inbound", 0, "do not tell"},
		{strings.Repeat("tcp or ", 100) + "foo", 700, "foo"},
	} {
		_, err := Compile(c.expr, ethernet)
		var e *Error
		if !errors.As(err, &e) || e.Pos != c.pos || !strings.Contains(e.Msg, c.part) || len(err.Error()) > 250 {
			t.Errorf("%.40s: %v (%+v), want position %d and %q", c.expr, err, e, c.pos, c.part)
		}
	}
}

func TestEmptyMatchesAll(t *testing.T) {
	for _, expr := range []string{"", "  \n"} {
		if _, err := Compile(expr, Options{LinkType: pcapio.LinkIEEE80211}); err == nil {
			t.Errorf("%q: compiled for 802.11", expr)
		}
		p, err := Compile(expr, Options{LinkType: pcapio.LinkEthernet, Snaplen: 96})
		if err != nil {
			t.Fatal(err)
		}
		if raw := p.Raw(); len(raw) != 1 || raw[0].K != 96 || !p.Match(nil, 0) {
			t.Errorf("%q: %v", expr, raw)
		}
	}
}

// TestLongJumps makes programs whose targets are beyond the 255 instructions
// of a conditional jump.
func TestLongJumps(t *testing.T) {
	packet := tcpPacket(t, [4]byte{10, 0, 0, 1}, [4]byte{192, 168, 49, 200}, 1234, 80)
	var b strings.Builder
	for i := range 400 {
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString("ip dst host 192.168." + itoa(i%50) + "." + itoa(i/2+1))
	}
	for _, c := range []struct {
		expr string
		want bool
	}{
		{b.String(), true},
		{"not (" + b.String() + ")", false},
		{"(" + b.String() + ") and tcp port 80", true},
		{"(" + b.String() + ") and (udp or " + strings.ReplaceAll(b.String(), "dst", "src") + ")", false},
		{"port 80 and (" + b.String() + ") and not port 81", true},
	} {
		p, err := Compile(c.expr, ethernet)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(p.Raw()); n < 256 {
			t.Errorf("only %d instructions, no long jump is tested", n)
		}
		if got := p.Match(packet, len(packet)); got != c.want {
			t.Errorf("%.60s…: %v, want %v", c.expr, got, c.want)
		}
		sameAsVM(t, p, packet)
	}
	var many []string
	for i := range 3000 {
		many = append(many, "tcp["+itoa(i)+"] = 1")
	}
	_, err := Compile(strings.Join(many, " or "), ethernet)
	if err == nil || !strings.Contains(err.Error(), "4096 instructions") {
		t.Errorf("3000 comparisons: %v", err)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// sameAsVM compares Match with golang.org/x/net/bpf's machine.
func sameAsVM(t *testing.T, p *Program, packet []byte) {
	t.Helper()
	vm, err := bpf.NewVM(p.Instructions())
	if err != nil {
		t.Fatalf("not a valid program: %v", err)
	}
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Match(packet, len(packet)); got != (n != 0) {
		t.Errorf("Match %v, x/net/bpf %v", got, n)
	}
}

func tcpPacket(t testing.TB, src, dst [4]byte, sport, dport uint16) []byte {
	t.Helper()
	b := make([]byte, 54)
	copy(b[12:], []byte{8, 0, 0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0})
	copy(b[26:], src[:])
	copy(b[30:], dst[:])
	b[34], b[35], b[36], b[37] = byte(sport>>8), byte(sport), byte(dport>>8), byte(dport)
	b[46], b[47] = 0x50, 2
	return b
}

// TestLive checks the two halves of a live filter: without a tag in ancillary
// data it does what the offline filter does.
func TestLive(t *testing.T) {
	live := ethernet
	live.Live = true
	plain := tcpPacket(t, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, 1, 80)
	tagged := append(append(append([]byte{}, plain[:12]...), 0x81, 0, 0, 10), plain[12:]...)
	for _, c := range []struct {
		expr          string
		plain, tagged bool
	}{
		{"vlan", false, true}, {"vlan 10", false, true}, {"vlan 11", false, false},
		{"vlan 10 and tcp port 80", false, true}, {"tcp port 80", true, false},
		{"not vlan", true, false}, {"tcp or vlan 10", true, true}, {"inbound", true, true}, {"outbound", false, false},
		{"ether proto 0x8100", false, true},
	} {
		p, err := Compile(c.expr, live)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(plain, len(plain)); got != c.plain {
			t.Errorf("%s on a plain packet: %v", c.expr, got)
		}
		if got := p.Match(tagged, len(tagged)); got != c.tagged {
			t.Errorf("%s on a tagged packet: %v", c.expr, got)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	p, err := Compile("tcp port 80 and not host 10.77.3.11 or ip[ip[0] & 15] = 3", ethernet)
	if err != nil {
		t.Fatal(err)
	}
	packet := tcpPacket(t, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, 1, 80)
	if n := testing.AllocsPerRun(100, func() { p.Match(packet, len(packet)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	packet := tcpPacket(b, [4]byte{10, 77, 3, 11}, [4]byte{10, 0, 0, 2}, 1, 80)
	for _, expr := range []string{"ip", "tcp port 80", "tcp port 80 and not host 10.77.3.11", "tcp[tcpflags] & tcp-syn != 0"} {
		b.Run(expr, func(b *testing.B) {
			p, err := Compile(expr, ethernet)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(packet)))
			b.ReportAllocs()
			for b.Loop() {
				p.Match(packet, len(packet))
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile("tcp port 80 and not host 10.77.3.11 or icmp or udp portrange 1-1024", ethernet); err != nil {
			b.Fatal(err)
		}
	}
}
