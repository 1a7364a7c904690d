package flow

// App is what the protocols above the transport layer say in one packet, for
// the flow to carry: copied text, since a digest outlives its packet, of at
// most 1024 bytes each. The zero value of a field says nothing. Most packets
// have no App; packets of which only Name is known share one, so it is read
// only.
type App struct {
	Name string // protocol as the packets table's frame_protocols names it: "dns", "tls", "http" …

	TLSVersion uint16 // chosen by the server, else the highest that the client offers
	SNI        string // TLS or QUIC server_name, in lower case
	ALPN       string // first protocol offered, or the one chosen
	JA3        string // MD5 in hexadecimal of the ClientHello's JA3 string
	JA3S       string // the same of the ServerHello
	JA4        string // JA4 client fingerprint
	QUIC       uint32 // version in a long header

	HTTPMethod    string
	HTTPHost      string
	HTTPURI       string
	HTTPUserAgent string
	HTTPStatus    uint16

	DNSName   string // name in the first question
	SSHBanner string // identification string of the sender, without line end
}
