package flow

import (
	"math"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

func (r *Rows) apps(row int, a *appState) {
	c := &r.app
	r.text(row, &c.Name, a.name)
	nonZero(row, &c.TLSVersion, a.tlsVersion)
	if r.text(row, &c.SNI, a.sni) {
		c.SNILen.Set(row, uint16(len(a.sni)))
		c.SNILabels.Set(row, uint8(min(strings.Count(a.sni, ".")+1, math.MaxUint8)))
		c.SNIEntropy.Set(row, textEntropy(a.sni))
	}
	r.text(row, &c.ALPN, a.alpn)
	r.text(row, &c.JA3, a.ja3)
	r.text(row, &c.JA3S, a.ja3s)
	r.text(row, &c.JA4, a.ja4)
	nonZero(row, &c.QUIC, a.quic)
	r.text(row, &c.DNSName, a.dnsName)
	r.text(row, &c.ClientBanner, a.clientBanner)
	r.text(row, &c.ServerBanner, a.serverBanner)
	if a.requests+a.responses > 0 {
		r.http(row, a)
	}
}

func (r *Rows) http(row int, a *appState) {
	c := &r.app
	c.Requests.Set(row, a.requests)
	c.Responses.Set(row, a.responses)
	for i, column := range [len(a.statusClass)]*schema.Optional[uint32]{
		&c.Status1, &c.Status2, &c.Status3, &c.Status4, &c.Status5,
	} {
		column.Set(row, a.statusClass[i])
	}
	nonZero(row, &c.Status, a.status)
	r.text(row, &c.Method, a.method)
	r.text(row, &c.Host, a.host)
	r.text(row, &c.URI, a.uri)
	if r.text(row, &c.Agent, a.agent) {
		c.AgentLen.Set(row, uint16(len(a.agent)))
	}
	if a.requests > 0 {
		c.URIMean.Set(row, float64(a.uriBytes)/float64(a.requests))
		c.URIMax.Set(row, a.uriMax)
	}
}

// text sets a text unless it is empty, and reports whether it is not.
func (r *Rows) text(row int, c *schema.Optional[schema.Text], s string) bool {
	if s == "" {
		return false
	}
	c.Set(row, r.batch.Text([]byte(s)))
	return true
}

// nonZero sets a number unless it is 0, which says nothing.
func nonZero[T uint16 | uint32](row int, c *schema.Optional[T], v T) {
	if v != 0 {
		c.Set(row, v)
	}
}
