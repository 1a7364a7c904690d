package label

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// scaleRules are n rules as imports make them: 5-tuples with a time, by a few
// windows with prefixes and one benign rule over all.
func scaleRules(rng *rand.Rand, n int) []Rule {
	rules := make([]Rule, 0, n)
	host := func(b byte) []netip.Prefix {
		return []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, b, byte(rng.IntN(4)), byte(rng.IntN(256))}), 32)}
	}
	for i := range n - 11 {
		from := int64(rng.IntN(3600)) * second
		rules = append(rules, rule(from, from+5*second, func(r *Rule) {
			r.ID, r.Label, r.Class = fmt.Sprint("r", i), "a"+fmt.Sprint(i%20), Attack
			r.Src, r.Dst, r.Proto = host(1), host(2), 6
			p := uint16(1024 + rng.IntN(60000))
			r.SrcPorts, r.DstPorts = Ports{{p, p}}, Ports{{80, 80}}
		}))
	}
	for i := range 10 {
		rules = append(rules, rule(int64(i)*300*second, int64(i+1)*300*second, func(r *Rule) {
			r.ID, r.Label, r.Class, r.Src = fmt.Sprint("w", i), "window", Attack, prefixes("10.1.3.0/24")
		}))
	}
	return append(rules, rule(Always, Ever, func(r *Rule) { r.ID, r.Label, r.Class, r.Priority = "b", "benign", Benign, -1 }))
}

// scaleFlows is a batch of rows of which half are what rules are about.
func scaleFlows(rng *rand.Rand, rules []Rule, n int) *schema.Batch {
	f := new(testFlows)
	b := schema.Of(f)
	for range n {
		row := b.Rows
		b.Rows++
		r := &rules[rng.IntN(len(rules)-11)]
		at := r.From + int64(rng.IntN(10))*second - 5*second
		src, sport := r.Src[0].Addr(), r.SrcPorts[0].First
		if rng.IntN(2) == 0 {
			src, sport = netip.AddrFrom4([4]byte{10, 1, byte(rng.IntN(4)), byte(rng.IntN(256))}), uint16(rng.IntN(65536))
		}
		f.File.Append(0)
		f.Start.Append(at)
		f.End.Append(at + second)
		f.SrcMAC.Append(schema.MAC{})
		f.SrcIP.Append(src)
		f.DstIP.Append(r.Dst[0].Addr())
		f.SrcPort.Set(row, sport)
		f.DstPort.Set(row, 80)
		f.EtherType.Append(0x0800)
		f.Proto.Set(row, 6)
	}
	return b
}

// BenchmarkManyRules is the cost of a row under 200,000 rules, with what the
// report needs and without.
func BenchmarkManyRules(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	rules := scaleRules(rng, 200_000)
	rows := scaleFlows(rng, rules, 8192)
	began := time.Now()
	a, err := NewAnnotator(&Rules{List: rules}, []string{"a"})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("compiled in %s", time.Since(began))
	for name, a := range map[string]*Annotator{"label": a, "report": a.WithAlignment()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a.Annotate(rows)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows.Rows), "ns/row")
		})
	}
}
