package anonymize

import (
	"encoding/binary"
	"slices"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/layer"
)

var (
	be = binary.BigEndian
	le = binary.LittleEndian
)

// rewriter makes the pseudonymous copy of packets. It belongs to one
// goroutine. Its methods take the place in the packet where a header begins,
// at, and where the bytes end that belong to what the header is in, end; both
// are at most len(in).
type rewriter struct {
	names *Pseudonyms
	mask  Mask
	shift int64 // of times, in ns

	in      []byte // the packet, borrowed
	out     []byte // its copy: zeros but for what was understood
	missing int    // bytes that the capture did not keep
	kept    int    // end of the last header that was understood: where MaskCut cuts
	depth   int    // headers so far
	padded  bool   // radiotap says that padding follows the 802.11 header
	counts  packetCounts
}

// packetCounts is what was done, in packets unless it says otherwise.
type packetCounts struct {
	addresses [3]int64 // values rewritten: IPv4, IPv6, MAC
	payload   int64    // with payload that was masked
	bytes     int64    // of payload masked
	masked    map[masked]int64
}

// masked is something that is not understood from there on.
type masked struct {
	what   string
	number int // of a registry; -1 without
}

func newRewriter(opt *Options) *rewriter {
	return &rewriter{
		names: NewPseudonyms(opt), mask: opt.Mask, shift: opt.shift,
		counts: packetCounts{masked: map[masked]int64{}},
	}
}

// packet appends the copy of a packet to dst.
func (r *rewriter) packet(dst []byte, p *pcapio.Packet, fcs int) []byte {
	start := len(dst)
	dst = slices.Grow(dst, len(p.Data))[:start+len(p.Data)]
	r.begin(p.Data, dst[start:len(dst):len(dst)])
	r.missing = max(int(p.WireLen)-len(p.Data), 0)
	end := len(p.Data)
	// A frame check sequence is known only where the interface declares it.
	if fcs == 4 && r.missing == 0 && end >= 4 && p.LinkType == pcapio.LinkEthernet {
		end -= 4
		defer r.frameCheck(0, end)
	}
	r.link(p.LinkType, 0, end)
	if r.mask == MaskCut {
		return dst[:start+r.kept]
	}
	return dst
}

// begin takes bytes to be rewritten into out, which is as long.
func (r *rewriter) begin(in, out []byte) {
	clear(out)
	r.in, r.out = in, out
	r.missing, r.kept, r.depth, r.padded = 0, 0, 0, false
}

// enough reports whether n bytes are there. If not, the header is cut or
// damaged, and nothing of it is kept.
func (r *rewriter) enough(at, n, end int) bool {
	if n >= 0 && end-at >= n {
		return true
	}
	if end > at {
		r.hide("a header that is cut or damaged", -1)
	}
	return false
}

// deeper counts headers, so that no packet takes longer than others.
func (r *rewriter) deeper() bool {
	if r.depth++; r.depth > layer.MaxDepth {
		r.hide("too many headers", -1)
		return false
	}
	return true
}

// hide says why what follows is left as zeros.
func (r *rewriter) hide(what string, number int) { r.counts.masked[masked{what, number}]++ }

// keep copies bytes that name nobody.
func (r *rewriter) keep(at, n int) {
	copy(r.out[at:at+n], r.in[at:at+n])
	r.kept = max(r.kept, at+n)
}

func (r *rewriter) ipv4Address(at int) {
	a := r.names.IPv4([4]byte(r.in[at:]))
	copy(r.out[at:], a[:])
	r.kept = max(r.kept, at+4)
	r.counts.addresses[0]++
}

func (r *rewriter) ipv6Address(at int) {
	a := r.names.IPv6([16]byte(r.in[at:]))
	copy(r.out[at:], a[:])
	r.kept = max(r.kept, at+16)
	r.counts.addresses[1]++
}

func (r *rewriter) macAddress(at int) {
	a := r.names.MAC([6]byte(r.in[at:]))
	copy(r.out[at:], a[:])
	r.kept = max(r.kept, at+6)
	r.counts.addresses[2]++
}

// payload masks what is above the headers.
func (r *rewriter) payload(at, end int) {
	if at >= end {
		return
	}
	r.counts.payload++
	r.counts.bytes += int64(end - at)
	r.maskBytes(r.out[at:end], r.in[at:end])
}

// maskBytes fills dst, which is zeros and as long as src.
func (r *rewriter) maskBytes(dst, src []byte) {
	if r.mask == MaskHash {
		r.names.Bytes(dst, src)
	}
}
