package layer

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// TestSkipChangesNothingElse decodes with and without what is skipped: all
// other columns are the same, and so is the digest but for its two fields.
func TestSkipChangesNothingElse(t *testing.T) {
	var chosen schema.Schema
	skipped := map[string]bool{}
	for _, f := range Schema() {
		switch {
		case f.Name == "payload_entropy", f.Layer == "conversation", strings.HasSuffix(f.Name, "_checksum_status"):
			skipped[f.Name] = true
		default:
			chosen = append(chosen, f)
		}
	}
	for _, path := range []string{goldenMixed, filepath.Join(bundledLab, "tunnel_dns.pcapng.zst"), "testdata/tunnels/vxlan.pcap"} {
		packets := readCapture(t, path)
		all, some := NewTable(Options{}), NewTable(Options{Skip: SkipFor(chosen)})
		for i := range packets {
			var a, b flow.Digest
			all.Append(&packets[i], 0, &a)
			some.Append(&packets[i], 0, &b)
			a.Entropy, a.Hash = 0, 0
			a.App, b.App = nil, nil
			if a != b {
				t.Fatalf("%s, packet %d: digest %+v, without what is skipped %+v", path, i+1, a, b)
			}
		}
		want, got := newRowTexts(all.Batch()), newRowTexts(some.Batch())
		for i := range packets {
			w, g := want.next(), got.next()
			for name := range skipped {
				delete(w, name)
				if name != "udp_checksum_status" && g[name] != "" {
					t.Errorf("%s, packet %d: %s is %s", path, i+1, name, g[name])
				}
				delete(g, name)
			}
			for name, text := range w {
				if g[name] != text {
					t.Errorf("%s, packet %d: %s is %q, without what is skipped %q", path, i+1, name, text, g[name])
				}
			}
		}
	}
}
