package flow

import (
	"math"
	"strings"
	"unicode/utf8"
)

// maxText is how many bytes of a text are kept for a flow.
const maxText = 255

// appState is what the packets of a flow say above the transport layer: of
// texts the first one.
type appState struct {
	name string

	tlsVersion                 uint16
	sni, alpn, ja3, ja3s, ja4  string
	quic                       uint32
	method, host, uri, agent   string
	status                     uint16
	requests, responses        uint32
	statusClass                [5]uint32 // 1xx to 5xx
	uriBytes                   uint64
	uriMax                     uint32
	dnsName                    string
	clientBanner, serverBanner string
}

// appPacket takes what a packet of direction dir says.
func (f *flowState) appPacket(p *App, dir int) {
	if f.app == nil {
		f.app = new(appState)
	}
	a := f.app
	keep(&a.name, p.Name)
	keep(&a.sni, p.SNI)
	keep(&a.ja3, p.JA3)
	keep(&a.ja3s, p.JA3S)
	keep(&a.ja4, p.JA4)
	if a.quic == 0 {
		a.quic = p.QUIC
	}
	// The server chooses of what the client offers.
	if dir == bwd && p.ALPN != "" {
		a.alpn = ""
	}
	keep(&a.alpn, p.ALPN)
	if p.TLSVersion != 0 && (dir == bwd || a.tlsVersion == 0) {
		a.tlsVersion = p.TLSVersion
	}
	if dir == fwd {
		keep(&a.clientBanner, p.SSHBanner)
	} else {
		keep(&a.serverBanner, p.SSHBanner)
	}
	f.httpPacket(p)
	if p.DNSName != "" {
		keep(&a.dnsName, p.DNSName)
		f.dns.texts++
		f.dns.entropy += textEntropy(p.DNSName)
	}
}

func (f *flowState) httpPacket(p *App) {
	a := f.app
	if p.HTTPMethod != "" {
		a.requests++
		n := uint32(len(p.HTTPURI))
		a.uriBytes += uint64(n)
		a.uriMax = max(a.uriMax, n)
	}
	keep(&a.method, p.HTTPMethod)
	keep(&a.host, p.HTTPHost)
	keep(&a.uri, p.HTTPURI)
	keep(&a.agent, p.HTTPUserAgent)
	if p.HTTPStatus == 0 {
		return
	}
	a.responses++
	if a.status == 0 {
		a.status = p.HTTPStatus
	}
	if c := int(p.HTTPStatus)/100 - 1; c >= 0 && c < len(a.statusClass) {
		a.statusClass[c]++
	}
}

// keep sets a text that is not set yet, cut and made valid UTF-8 with ? for what is not. It copies
// what it cuts, so that a flow does not hold on to long texts.
func keep(dst *string, s string) {
	if *dst != "" || s == "" {
		return
	}
	if len(s) > maxText {
		n := maxText
		for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = strings.Clone(s[:n])
	}
	*dst = strings.ToValidUTF8(s, "?")
}

// textEntropy is the Shannon entropy of a text's first maxText bytes, in bits
// a byte: log2(length) − Σ count·log2(count) / length.
func textEntropy(s string) float64 {
	s = s[:min(len(s), maxText)]
	if s == "" {
		return 0
	}
	var counts [256]uint8
	for i := range len(s) {
		counts[s[i]]++
	}
	sum := 0.0
	for i := range len(s) {
		sum += weights[counts[s[i]]]
		counts[s[i]] = 0
	}
	return max(math.Log2(float64(len(s)))-sum/float64(len(s)), 0)
}

// weights is n·log2(n).
var weights = func() (w [maxText + 1]float64) {
	for n := 1; n < len(w); n++ {
		w[n] = float64(n) * math.Log2(float64(n))
	}
	return w
}()
