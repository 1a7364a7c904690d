package anonymize

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
)

const yacryptopan = `
import sys
from yacryptopan import CryptoPAn
c = CryptoPAn(bytes.fromhex(sys.argv[1]))
for line in sys.stdin:
    print(c.anonymize(line.strip()))
`

// TestAgainstYacryptopan compares plain Crypto-PAn with another
// implementation, for both families and random keys.
func TestAgainstYacryptopan(t *testing.T) {
	python := pythontest.Interpreter(t, "yacryptopan")
	rng := rand.New(rand.NewPCG(7, 8))
	for range 3 {
		var o Options
		for i := range o.Key.secret {
			o.Key.secret[i] = byte(rng.Uint32())
		}
		o.Plain = true
		p := NewPseudonyms(&o)
		var in strings.Builder
		var addrs []netip.Addr
		for i := range 400 {
			a := randomAddr(rng, nil, 128)
			if i%2 == 0 {
				addrs = append(addrs, netip.AddrFrom4([4]byte(a[:4])))
			} else {
				addrs = append(addrs, netip.AddrFrom16(a))
			}
			fmt.Fprintln(&in, addrs[i])
		}
		cmd := exec.Command(python, "-c", yacryptopan, fmt.Sprintf("%x", o.Key.secret[:]))
		cmd.Stdin = strings.NewReader(in.String())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := strings.Fields(string(out))
		if len(lines) != len(addrs) {
			t.Fatalf("yacryptopan gives %d addresses for %d", len(lines), len(addrs))
		}
		for i, a := range addrs {
			if want := netip.MustParseAddr(lines[i]); p.Addr(a) != want {
				t.Errorf("%s becomes %s, in yacryptopan %s", a, p.Addr(a), want)
			}
		}
	}
}
