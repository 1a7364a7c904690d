package layer

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

func overUDP(t testing.TB, payload []byte) []byte {
	return build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 50001, DstPort: 50002}, gopacket.Payload(payload))
}

var rfcDCID = unhex("8394c8f03e515708") // of the examples in RFC 9001, A, and RFC 9369, A

// rfcFrame is the CRYPTO frame of those examples.
const rfcFrame = `060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
616d706c652e636f6dff01000100000a00080006001d00170018001000070005
04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
0d0010000e0403050306030203080408050806002d00020101001c0002400100
3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
75300901100f088394c8f03e51570806048000ffff`

// sealInitial makes a client's Initial packet with a packet number of 4 bytes,
// as the examples have it.
func sealInitial(t testing.TB, version uint32, frames []byte, number byte) []byte {
	first, secrets := byte(0xc3), &quicSecretsV1
	if version == quicV2 {
		first, secrets = 0xd3, &quicSecretsV2
	}
	keys, err := secrets.clientKeys(rfcDCID)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint32([]byte{first}, version)
	b = append(append(b, byte(len(rfcDCID))), rfcDCID...)
	b = append(b, 0, 0) // no source ID, no token
	b = binary.BigEndian.AppendUint16(b, 0x4000|uint16(4+len(frames)+16))
	header := append(b, 0, 0, 0, number)
	nonce := bytes.Clone(keys.iv)
	nonce[11] ^= number
	b = append(header, keys.aead.Seal(nil, nonce, frames, header)...)
	var mask [16]byte
	keys.header.Encrypt(mask[:], b[len(header):][:16])
	b[0] ^= mask[0] & 0x0f
	for i := range 4 {
		b[len(header)-4+i] ^= mask[1+i]
	}
	return b
}

// padded fills frames up to the size of the examples.
func padded(frames []byte) []byte { return append(frames, make([]byte, 1162-len(frames))...) }

// The packets are those of the RFCs, as their beginnings and tags show.
func TestQUICExamples(t *testing.T) {
	for _, c := range []struct {
		version    uint32
		front, end string
	}{
		{quicV1, "c000000001088394c8f03e5157080000449e7b9aec34", "e221af44860018ab0856972e194cd934"},
		{quicV2, "d76b3343cf088394c8f03e5157080000449ea0c95e82", "b6fe189cf772a9f84cbfc"},
	} {
		packet := sealInitial(t, c.version, padded(unhex(rfcFrame)), 2)
		text := hex.EncodeToString(packet)
		if len(packet) != 1200 || !strings.HasPrefix(text, c.front) || !strings.HasSuffix(text, c.end) {
			t.Fatalf("version %#x: packet %s", c.version, text)
		}
		got, d := decodeOne(t, pcapio.LinkEthernet, overUDP(t, packet), 0)
		check(t, got, row{
			"frame_protocols": "eth:ip:udp:quic:tls", "quic_packet_type": "0", "quic_dcid": "8394c8f03e515708", "quic_dcid_len": "8", "quic_scid_len": "0",
			"quic_token_len": "0", "quic_len": "1182", "quic_packets": "1", "quic_initial_decrypted": "true", "quic_packet_number": "2",
			"tls_record_type": "", "tls_handshake_types": "1", "tls_sni": "example.com", "tls_alpn": "alpn", "tls_version": "772",
			"tls_ja4": "q13d0211an_62ed6f6ca7ad_4d634acda6c0", "decode_error": "",
		})
		if a := d.App; a == nil || a.Name != "quic" || a.QUIC != c.version || a.SNI != "example.com" || a.ALPN != "alpn" || a.JA4[0] != 'q' {
			t.Errorf("%+v", a)
		}
	}
}

// cryptoFrameOf makes the frame with the bytes from..to of the example's.
func cryptoFrameOf(from, to int) []byte {
	data := unhex(rfcFrame)[4:]
	frame := binary.BigEndian.AppendUint16([]byte{6}, 0x4000|uint16(from))
	frame = binary.BigEndian.AppendUint16(frame, 0x4000|uint16(to-from))
	return append(frame, data[from:to]...)
}

func TestQUIC(t *testing.T) {
	const all = 241
	ping, ack := []byte{1}, unhex("03 05 00 01 00 00 00 01 02 03")
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	initial := func(frames []byte) []byte { return sealInitial(t, quicV1, frames, 0) }
	for _, c := range []struct {
		name string
		data []byte
		want row
	}{
		{"frames out of order", initial(padded(join(cryptoFrameOf(200, all), ping, cryptoFrameOf(0, 90), ack, make([]byte, 9), cryptoFrameOf(80, 200)))), row{
			"tls_sni": "example.com", "tls_ja4": "q13d0211an_62ed6f6ca7ad_4d634acda6c0", "decode_error": "",
		}},
		{"two packets", append(initial(cryptoFrameOf(150, all)), initial(cryptoFrameOf(0, 150))...), row{
			"quic_packets": "2", "tls_sni": "example.com", "tls_ja4": "q13d0211an_62ed6f6ca7ad_4d634acda6c0", "decode_error": "",
		}},
		{"the rest in another datagram", initial(padded(join(cryptoFrameOf(0, 100), cryptoFrameOf(120, all)))), row{
			"quic_initial_decrypted": "true", "tls_sni": "example.com", "tls_handshake_types": "1", "tls_ja4": "", "decode_error": "",
		}},
		{"the beginning in another datagram", initial(padded(cryptoFrameOf(10, all))), row{"frame_protocols": "eth:ip:udp:quic", "tls_sni": "", "decode_error": ""}},
		{"a frame that Initial packets do not have", initial(padded(join(cryptoFrameOf(0, all), []byte{8, 0}))), row{
			"quic_initial_decrypted": "true", "tls_sni": "example.com", "decode_error": "quic: malformed frame in an Initial packet",
		}},
		{"a frame longer than the packet", initial(padded(join(make([]byte, 1100), unhex("06 00 7fff")))), row{"decode_error": "quic: malformed frame in an Initial packet"}},
		{"not a client's first", join(initial(padded(cryptoFrameOf(0, all)))[:1199], []byte{0}), row{
			"frame_protocols": "eth:ip:udp:quic", "quic_initial_decrypted": "false", "quic_packet_number": "", "tls_sni": "", "decode_error": "",
		}},
		{"Handshake", unhex("e0 00000001 02 0102 03 aabbcc 05 0011223344"), row{
			"quic_packet_type": "2", "quic_dcid": "0102", "quic_scid": "aabbcc", "quic_token_len": "", "quic_len": "5", "quic_initial_decrypted": "", "decode_error": "",
		}},
		{"0-RTT of version 2", unhex("e0 6b3343cf 00 00 05 0011223344"), row{"quic_packet_type": "1", "quic_version": "1798521807", "decode_error": ""}},
		{"Retry", unhex("f0 00000001 00 01 aa 746f6b656e 00112233445566778899aabbccddeeff"), row{"quic_packet_type": "3", "quic_len": "", "quic_packets": "1", "decode_error": ""}},
		{"version negotiation", unhex("80 00000000 01 01 01 02 1a2a3a4a 00000001 6b3343cf"), row{
			"quic_version": "0", "quic_packet_type": "", "quic_supported_versions": "438975050;1;1798521807", "decode_error": "",
		}},
		{"a version to provoke it", append(unhex("c0 1a2a3a4a 08 0102030405060708 00"), make([]byte, 1190)...), row{"quic_version": "438975050", "quic_dcid_len": "8", "quic_packet_type": "", "decode_error": ""}},
		{"a draft", unhex("c0 ff00001d 00 00 00 05 0011223344"), row{"quic_packet_type": "0", "quic_token_len": "0", "quic_initial_decrypted": "", "decode_error": ""}},
		{"too long an ID", join(unhex("e0 00000001 15"), make([]byte, 21), unhex("00 01 00")), row{"quic_dcid_len": "21", "quic_packet_type": "", "decode_error": "quic: connection ID longer than 20 bytes"}},
		{"IDs beyond the end", unhex("e0 00000001 15 0102"), row{"quic_dcid_len": "0", "decode_error": "quic: too short"}},
		{"a token beyond the end", unhex("c0 00000001 00 00 ffffffffffffffff 0102"), row{"quic_token_len": "", "quic_len": "", "decode_error": "quic: too short"}},
		{"a length beyond the end", unhex("e0 00000001 00 00 4fff 0102"), row{"quic_len": "4095", "decode_error": "quic: too short"}},
		{"no fixed bit", unhex("a0 00000001 00 00 05 0011223344"), row{"frame_protocols": "eth:ip:udp"}},
		{"RTP", unhex("80 60 0000 00000000 00000001 0011"), row{"frame_protocols": "eth:ip:udp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, overUDP(t, c.data), 0)
			check(t, got, c.want)
		})
	}
}
