package layer

import "strings"

// tell gives the flow what the hello that was just read says.
func (t *TLS) tell(d *Decoder, named bool) {
	if !d.flows {
		return
	}
	h, app := &t.hello, d.app("tls")
	app.TLSVersion = h.best
	if named {
		app.SNI = strings.ToLower(appText(last(t.SNI.V)))
	}
	if len(h.alpn) > 0 {
		app.ALPN = appText(h.alpn[0])
	}
	if t.JA3S.Has(d.Row) {
		app.JA3S = string(last(t.JA3S.V))
		return
	}
	app.JA3 = string(last(t.JA3.V))
	app.JA4 = string(last(t.JA4.V))
}
