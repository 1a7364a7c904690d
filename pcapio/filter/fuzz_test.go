package filter

import (
	"errors"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/pcapline/pcapline/pcapio"
)

// FuzzCompile: no expression and no packet may cause a panic, every error has
// a position, every program is valid and means the same to another machine.
func FuzzCompile(f *testing.F) {
	packet := tcpPacket(f, [4]byte{10, 77, 3, 11}, [4]byte{10, 0, 0, 2}, 1, 80)
	for _, name := range []string{"filters.txt", "more.txt", "refused.txt"} {
		for _, expr := range lines(f, name) {
			f.Add(expr, packet, uint16(1), false)
		}
	}
	f.Add("vlan 5 and inbound", packet[:20], uint16(276), true)
	f.Fuzz(func(t *testing.T, expr string, data []byte, link uint16, live bool) {
		opt := Options{LinkType: pcapio.LinkType(link), Live: live, Lookup: localhostOnly}
		p, err := Compile(expr, opt)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Pos < 0 || e.Pos > len(expr) || e.Msg == "" {
				t.Fatalf("%q: error without position: %#v", expr, err)
			}
			return
		}
		raw := p.Raw()
		if len(raw) == 0 || len(raw) > maxInstructions {
			t.Fatalf("%q: %d instructions", expr, len(raw))
		}
		got := p.Match(data, len(data))
		if live { // ancillary data is unknown to the other machine
			return
		}
		vm, err := bpf.NewVM(p.Instructions())
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		n, err := vm.Run(data)
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		if got != (n != 0) {
			t.Fatalf("%q: Match %v, x/net/bpf %d", expr, got, n)
		}
	})
}
