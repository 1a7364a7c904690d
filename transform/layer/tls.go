package layer

import "github.com/pcapline/pcapline/transform/schema"

// TLS is the records of Transport Layer Security that begin in a packet, and
// what their handshake and alert messages say in the clear. In QUIC there are
// messages only, without records.
type TLS struct {
	schema.Layer `name:"tls" title:"Transport Layer Security" source:"RFC 8446"`

	RecordType    schema.Optional[uint8]  `name:"tls_record_type" ws:"tls.record.content_type" store:"dict" source:"RFC 8446, 5.1" doc:"Content type of the record that the segment begins with: 20 change cipher spec, 21 alert, 22 handshake, 23 application data, 24 heartbeat; null in QUIC. Segments that begin inside a record have no TLS columns, since streams are not reassembled."`
	RecordVersion schema.Optional[uint16] `name:"tls_record_version" ws:"tls.record.version" store:"dict" source:"RFC 8446, 5.1" doc:"Version in that record's header, 0x0301 to 0x0303 also for later versions."`
	RecordLen     schema.Optional[uint16] `name:"tls_record_len" ws:"tls.record.length" unit:"B" source:"RFC 8446, 5.1" doc:"Length of that record without its header, whether or not it is all in the segment."`
	RecordTypes   schema.List[uint8]      `name:"tls_record_types" source:"RFC 8446, 5.1" doc:"Content types of the records that begin in the segment, the first 64."`
	Handshakes    schema.List[uint8]      `name:"tls_handshake_types" ws:"tls.handshake.type" source:"RFC 8446, 4" doc:"Types of the handshake messages that begin in the packet in the clear, the first 64: 1 ClientHello, 2 ServerHello, 11 Certificate; null without any."`
	AlertLevel    schema.Optional[uint8]  `name:"tls_alert_level" ws:"tls.alert_message.level" store:"dict" source:"RFC 8446, 6" doc:"Level of the first alert in the clear: 1 warning, 2 fatal."`
	AlertDesc     schema.Optional[uint8]  `name:"tls_alert_desc" ws:"tls.alert_message.desc" store:"dict" source:"RFC 8446, 6" doc:"Description of that alert: 0 close notify, 40 handshake failure, 48 unknown CA."`

	LegacyVersion schema.Optional[uint16]      `name:"tls_legacy_version" ws:"tls.handshake.version" store:"dict" source:"RFC 8446, 4.1.2" doc:"Version field of the first ClientHello or ServerHello, 0x0303 also for TLS 1.3."`
	Version       schema.Optional[uint16]      `name:"tls_version" store:"dict" source:"RFC 8446, 4.2.1" doc:"Highest version that the ClientHello offers, reserved values (RFC 8701) aside, or the one the ServerHello chose: of the supported_versions extension, else the legacy version. Null where the message is cut."`
	SessionIDLen  schema.Optional[uint8]       `name:"tls_session_id_len" ws:"tls.handshake.session_id_length" unit:"B" store:"dict" source:"RFC 8446, 4.1.2" doc:"Length of the session identifier of that hello."`
	Ciphers       schema.List[uint16]          `name:"tls_ciphers" ws:"tls.handshake.ciphersuite" source:"RFC 8446, B.4" doc:"Cipher suites that the ClientHello offers, in its order, the first 256, reserved values included."`
	CipherCount   schema.Optional[uint16]      `name:"tls_cipher_count" source:"RFC 8446, 4.1.2" doc:"How many cipher suites the ClientHello offers."`
	Cipher        schema.Optional[uint16]      `name:"tls_cipher" ws:"tls.handshake.ciphersuite" store:"dict" source:"RFC 8446, B.4" doc:"Cipher suite that the ServerHello chose."`
	Extensions    schema.List[uint16]          `name:"tls_extensions" ws:"tls.handshake.extension.type" source:"RFC 8446, 4.2" doc:"Extensions of that hello in its order, the first 256; those in the packet where the hello is cut."`
	SNI           schema.Optional[schema.Text] `name:"tls_sni" ws:"tls.handshake.extensions_server_name" role:"payload" store:"dict" source:"RFC 6066, 3" doc:"Server name that the client asks for; bytes that do not print are written \\DDD."`
	ALPN          schema.List[schema.Text]     `name:"tls_alpn" ws:"tls.handshake.extensions_alpn_str" source:"RFC 7301" doc:"Application protocols that the client offers, the first 64, or the one that the server chose; bytes that do not print and semicolons are written \\DDD."`
	Groups        schema.List[uint16]          `name:"tls_groups" ws:"tls.handshake.extensions_supported_group" source:"RFC 8446, 4.2.7" doc:"Groups that the client supports for key exchange, in its order, the first 256."`
	PointFormats  schema.List[uint8]           `name:"tls_point_formats" ws:"tls.handshake.extensions_ec_point_format" source:"RFC 8422, 5.1.2" doc:"Formats of elliptic curve points that the sender reads."`
	Signatures    schema.List[uint16]          `name:"tls_signature_algorithms" ws:"tls.handshake.sig_hash_alg" source:"RFC 8446, 4.2.3" doc:"Signature algorithms that the client accepts, in its order, the first 256."`
	Versions      schema.List[uint16]          `name:"tls_supported_versions" ws:"tls.handshake.extensions.supported_version" source:"RFC 8446, 4.2.1" doc:"Versions of the supported_versions extension, as sent."`
	JA3           schema.Optional[schema.Text] `name:"tls_ja3" ws:"tls.handshake.ja3" role:"identity" store:"dict" source:"https://github.com/salesforce/ja3" doc:"JA3 fingerprint of the client: MD5 of version, cipher suites, extensions, groups and point formats. Null where the ClientHello is cut."`
	JA3S          schema.Optional[schema.Text] `name:"tls_ja3s" ws:"tls.handshake.ja3s" role:"identity" store:"dict" source:"https://github.com/salesforce/ja3" doc:"JA3S fingerprint of the server: MD5 of version, cipher suite and extensions of the ServerHello. Null where it is cut."`
	JA4           schema.Optional[schema.Text] `name:"tls_ja4" role:"identity" store:"dict" source:"https://github.com/FoxIO-LLC/ja4 (JA4: TLS client)" doc:"JA4 fingerprint of the client: protocol, version, server name, counts and ALPN in the clear, cipher suites and extensions hashed in sorted order. Null where the ClientHello is cut."`

	records, messages []uint8 // scratch for the lists
	hello             hello
	print             fingerprints
}

// Reached says what leads to TLS: a record header at the front of a segment,
// at any port, or the crypto stream of QUIC.
func (*TLS) Reached() []Key { return []Key{contentTLS, contentHello} }

// Content types.
const (
	tlsChangeCipherSpec = 20
	tlsAlert            = 21
	tlsHandshake        = 22
	tlsHeartbeat        = 24
)

// Bounds of what is kept of a packet.
const (
	maxTLSRecords = 64 // and messages
	maxTLSList    = 256
)

const (
	tlsRecordHeader = 5
	maxTLSRecordLen = 1<<14 + 2048 // RFC 5246, 6.2.3
)

// isTLSRecord reports whether b begins with the header of a record and, where
// the record ends within b, that of another follows.
func isTLSRecord(b []byte) bool {
	if !isTLSHeader(b) {
		return false
	}
	next := tlsRecordHeader + int(be.Uint16(b[3:]))
	if next+1 >= len(b) {
		return true
	}
	return b[next] >= tlsChangeCipherSpec && b[next] <= tlsHeartbeat && b[next+1] == 3
}

func isTLSHeader(b []byte) bool {
	if len(b) < tlsRecordHeader || b[0] < tlsChangeCipherSpec || b[0] > tlsHeartbeat || b[1] != 3 || b[2] > 4 {
		return false
	}
	n := be.Uint16(b[3:])
	return n > 0 && n <= maxTLSRecordLen && (b[0] != tlsChangeCipherSpec || n == 1)
}

// Decode takes the records, or the messages where there are no records.
func (t *TLS) Decode(d *Decoder, b []byte) (Key, []byte) {
	t.Mark(d.Row)
	t.records, t.messages = t.records[:0], t.messages[:0]
	if d.bareTLS {
		t.decodeHandshake(d, b, len(b))
	} else {
		t.decodeRecords(d, b)
		d.name(appTLS)
	}
	if len(t.messages) > 0 {
		t.Handshakes.Set(d.Row, t.messages...)
	}
	return 0, nil
}

func (t *TLS) decodeRecords(d *Decoder, b []byte) {
	t.RecordType.Set(d.Row, b[0])
	t.RecordVersion.Set(d.Row, be.Uint16(b[1:]))
	t.RecordLen.Set(d.Row, be.Uint16(b[3:]))
	for len(b) >= tlsRecordHeader && len(t.records) < maxTLSRecords {
		if !isTLSHeader(b) {
			d.Note("malformed record")
			break
		}
		typ, n := b[0], int(be.Uint16(b[3:]))
		t.records = append(t.records, typ)
		body := b[tlsRecordHeader:min(tlsRecordHeader+n, len(b))]
		switch typ {
		case tlsHandshake:
			t.decodeHandshake(d, body, n)
		case tlsAlert:
			t.decodeAlert(d, body, n)
		}
		b = b[tlsRecordHeader+len(body):]
	}
	t.RecordTypes.Set(d.Row, t.records...)
}

// decodeAlert takes an alert that is not encrypted, which would be longer.
func (t *TLS) decodeAlert(d *Decoder, body []byte, n int) {
	if n == 2 && len(body) == 2 && !t.AlertLevel.Has(d.Row) {
		t.AlertLevel.Set(d.Row, body[0])
		t.AlertDesc.Set(d.Row, body[1])
	}
}
