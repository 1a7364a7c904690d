package layer

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

// overTCP puts bytes into a segment between ports that no protocol is known
// for.
func overTCP(t testing.TB, payload []byte) []byte {
	return build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
		&layers.TCP{SrcPort: 50001, DstPort: 50002, ACK: true, PSH: true}, gopacket.Payload(payload))
}

func vector16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func vector8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

// record puts a body into a TLS record of version 1.0, as hellos are.
func record(typ byte, body []byte) []byte { return append([]byte{typ, 3, 1}, vector16(body)...) }

// handshake puts a body into a handshake message.
func handshake(typ byte, body []byte) []byte {
	return append([]byte{typ, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

// extension makes an extension of a type, in hexadecimal, with a body.
func extension(typ string, body []byte) []byte { return append(unhex(typ), vector16(body)...) }

// clientHello makes a ClientHello message of version 1.2 with a session ID of
// 32 bytes; ciphers are in hexadecimal.
func clientHello(ciphers string, extensions ...[]byte) []byte {
	body := append(unhex("0303"), make([]byte, 32)...)
	body = append(body, vector8(make([]byte, 32))...)
	body = append(body, vector16(unhex(strings.ReplaceAll(ciphers, ",", "")))...)
	body = append(body, 1, 0)
	var all []byte
	for _, e := range extensions {
		all = append(all, e...)
	}
	return handshake(tlsClientHello, append(body, vector16(all)...))
}

func serverName(name string) []byte {
	return extension("0000", vector16(append([]byte{0}, vector16([]byte(name))...)))
}

func alpn(names ...string) []byte {
	var list []byte
	for _, n := range names {
		list = append(list, vector8([]byte(n))...)
	}
	return extension("0010", vector16(list))
}

// published is the ClientHello that FoxIO's definition of JA4 works through,
// with reserved values of RFC 8701 strewn in.
func published() []byte {
	ciphers := "3a3a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
	extensions := [][]byte{extension("aaaa", nil), extension("001b", nil), serverName("Example.COM"), extension("0033", nil), alpn("h2", "http/1.1")}
	for _, typ := range []string{"4469", "0017", "002d"} {
		extensions = append(extensions, extension(typ, nil))
	}
	extensions = append(extensions, extension("000d", vector16(unhex("0403080404010503080505010806 0601"))))
	for _, typ := range []string{"0005", "0023", "0012"} {
		extensions = append(extensions, extension(typ, nil))
	}
	extensions = append(extensions, extension("002b", vector8(unhex("fafa 0304 0303"))), extension("ff01", nil),
		extension("000b", vector8([]byte{0})), extension("000a", vector16(unhex("baba 001d 0017"))), extension("0015", nil), extension("1a1a", []byte{0}))
	return clientHello(ciphers, extensions...)
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestTLS(t *testing.T) {
	ja3 := md5Hex("771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53," +
		"27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23,0")
	serverHello := handshake(tlsServerHello, append(append(unhex("0303"), make([]byte, 32)...),
		append([]byte{0}, unhex("1301 00 0006 002b 0002 0304")...)...))
	hello := record(tlsHandshake, published())
	for _, c := range []struct {
		name string
		data []byte
		want row
	}{
		{"ClientHello", hello, row{
			"frame_protocols": "eth:ip:tcp:tls", "tls_record_type": "22", "tls_record_version": "769", "tls_record_types": "22", "tls_handshake_types": "1",
			"tls_legacy_version": "771", "tls_version": "772", "tls_session_id_len": "32", "tls_cipher_count": "16", "tls_cipher": "",
			"tls_ciphers": "14906;4865;4866;4867;49195;49199;49196;49200;52393;52392;49171;49172;156;157;47;53",
			"tls_sni":     "Example.COM", "tls_alpn": "h2;http/1.1", "tls_groups": "47802;29;23", "tls_point_formats": "0",
			"tls_signature_algorithms": "1027;2052;1025;1283;2053;1281;2054;1537", "tls_supported_versions": "64250;772;771",
			"tls_ja3": ja3, "tls_ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1", "tls_ja3s": "", "decode_error": "",
		}},
		{"ServerHello", record(tlsHandshake, serverHello), row{
			"tls_handshake_types": "2", "tls_cipher": "4865", "tls_ciphers": "", "tls_version": "772", "tls_legacy_version": "771",
			"tls_ja3s": md5Hex("771,4865,43"), "tls_ja3": "", "tls_ja4": "", "decode_error": "",
		}},
		{"no extensions", record(tlsHandshake, handshake(1, append(append(unhex("0301"), make([]byte, 32)...), unhex("00 0002 002f 01 00")...))), row{
			"tls_version": "769", "tls_extensions": "", "tls_sni": "", "tls_ja3": md5Hex("769,47,,,"), "tls_ja4": "t10i010000_ba72b8082249_000000000000",
		}},
		{"alert", record(tlsAlert, []byte{2, 40}), row{"tls_record_type": "21", "tls_alert_level": "2", "tls_alert_desc": "40"}},
		{"encrypted alert", record(tlsAlert, make([]byte, 26)), row{"tls_record_type": "21", "tls_alert_level": ""}},
		{"application data", record(23, make([]byte, 30)), row{"tls_record_type": "23", "tls_record_len": "30", "tls_handshake_types": ""}},
		{"Finished behind ChangeCipherSpec, its nonce 0", append(record(tlsChangeCipherSpec, []byte{1}), record(tlsHandshake, append(make([]byte, 8), []byte("sixteen bytes and some more sent")...))...), row{
			"tls_record_types": "20;22", "tls_handshake_types": "", "decode_error": "",
		}},
		{"hello behind ChangeCipherSpec", append(record(tlsChangeCipherSpec, []byte{1}), hello...), row{"tls_record_types": "20;22", "tls_ja3": ja3}},
		{"hello over two records", append(record(tlsHandshake, published()[:90]), record(tlsHandshake, published()[90:])...), row{
			"tls_record_types": "22;22", "tls_handshake_types": "1", "tls_session_id_len": "32", "tls_ja3": "", "decode_error": "",
		}},
		{"not a record behind one", append(append(record(23, make([]byte, 20)), record(23, make([]byte, 20))...), 23, 3, 3, 0xff, 0xff), row{
			"tls_record_types": "23;23", "decode_error": "tls: malformed record",
		}},
		{"names that do not print", record(tlsHandshake, clientHello("1301", serverName("a\x00\xff\\b"), alpn("a;b", "\xaa\xaa"))), row{
			"tls_sni": `a\000\255\092b`, "tls_alpn": `a\059b;\170\170`, "decode_error": "",
		}},
		{"extension longer than its list says", record(tlsHandshake, clientHello("1301", extension("0010", unhex("0005 026832")), serverName("x"))), row{
			"tls_sni": "x", "tls_alpn": "", "tls_extensions": "16;0", "tls_ja3": "", "decode_error": "tls: malformed extension",
		}},
		{"hello shorter than it says", record(tlsHandshake, handshake(1, unhex("0303 0102"))), row{
			"tls_legacy_version": "771", "tls_ciphers": "", "decode_error": "tls: too short",
		}},
		{"an odd number of bytes of cipher suites", record(tlsHandshake, handshake(1, append(append(unhex("0301"), make([]byte, 32)...), unhex("00 0003 002f01 01 00")...))), row{
			"tls_ja3": "", "decode_error": "tls: too short",
		}},
		{"other data that begins alike", unhex("16 0301 0005 0102030405 00"), row{"frame_protocols": "eth:ip:tcp:tls"}},
		{"data that goes on unlike", append(unhex("17 0303 0005 0102030405"), "text"...), row{"frame_protocols": "eth:ip:tcp", "tls_record_type": ""}},
		{"a version of the future", unhex("16 0305 0005 0102030405"), row{"frame_protocols": "eth:ip:tcp"}},
		{"too long a record", unhex("17 0303 4801 0102030405"), row{"frame_protocols": "eth:ip:tcp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, overTCP(t, c.data), 0)
			check(t, got, c.want)
		})
	}
}

// A hello that its segment cuts anywhere has no fingerprint and is no error;
// what the capture cut is one.
func TestTLSCut(t *testing.T) {
	hello := record(tlsHandshake, published())
	for n := tlsRecordHeader; n < len(hello); n++ {
		got, d := decodeOne(t, pcapio.LinkEthernet, overTCP(t, hello[:n]), 0)
		check(t, got, row{"tls_record_len": strconv.Itoa(len(hello) - tlsRecordHeader), "tls_ja3": "", "tls_ja4": "", "tls_version": "", "decode_error": ""})
		if d.App == nil || d.App.Name != "tls" || d.App.JA4 != "" {
			t.Errorf("%d bytes: %+v", n, d.App)
		}
	}
	got, _ := decodeOne(t, pcapio.LinkEthernet, overTCP(t, hello), 200)
	check(t, got, row{"tls_cipher_count": "16", "tls_ja3": "", "decode_error": "tls: truncated"})
	got, _ = decodeOne(t, pcapio.LinkEthernet, overTCP(t, hello[:230]), 0)
	check(t, got, row{"tls_sni": "Example.COM", "tls_alpn": "h2;http/1.1", "tls_ja4": "", "decode_error": ""})
}

func TestTLSDigest(t *testing.T) {
	_, d := decodeOne(t, pcapio.LinkEthernet, overTCP(t, record(tlsHandshake, published())), 0)
	a := d.App
	if a == nil || a.Name != "tls" || a.TLSVersion != 0x304 || a.SNI != "example.com" || a.ALPN != "h2" || len(a.JA3) != 32 || len(a.JA4) != 36 || a.JA3S != "" {
		t.Errorf("%+v", a)
	}
	if _, d = decodeOne(t, pcapio.LinkEthernet, overTCP(t, record(23, make([]byte, 30))), 0); d.App != appTLS {
		t.Errorf("application data: %+v", d.App)
	}
}

// The examples that the fingerprints' authors publish.
func TestFingerprints(t *testing.T) {
	var p fingerprints
	h := hello{version: 769, ciphers: []uint16{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4},
		extensions: []uint16{0, 10, 11}, groups: []uint16{23, 24, 25}, points: []uint8{0}}
	if got := string(p.ja3(&h)); got != "ada70206e40642a3e4461f35503241d5" {
		t.Errorf("JA3 %s of %s", got, p.text)
	}
	h = hello{version: 769, ciphers: []uint16{4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}}
	if got := string(p.ja3(&h)); got != "de350869b8c85de67a350c8d186f11e6" {
		t.Errorf("JA3 %s of %s", got, p.text)
	}
	h = hello{best: 0x304, hasSNI: true, extensions: []uint16{0x1b, 0, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0xd, 5, 0x23, 0x12, 0x2b, 0xff01, 0xb, 0xa, 0x15}}
	if got := string(p.ja4(&h, true)); got != "q13d001600_000000000000_6d807ffa2a79" {
		t.Errorf("JA4 %s", got)
	}
	for name, want := range map[string]string{
		"": "00", "h2": "h2", "http/1.1": "h1", "x": "xx", "\xab": "ab", "\x20": "20", "\xab\xcd": "ad", "\x20\x61": "21", "\x30\xab": "3b",
		"\x61\x20": "60", "\x30\x31\xab\xcd": "3d", "\x30\xab\xcd\x31": "01",
	} {
		if a, b := ja4ALPN([]byte(name)); string([]byte{a, b}) != want {
			t.Errorf("ALPN %q: %c%c, want %s", name, a, b, want)
		}
	}
}
