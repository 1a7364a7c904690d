package layer

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

// kexInit makes a packet with a key exchange's beginning.
func kexInit(kex string) []byte {
	body := append([]byte{4, sshKexInit}, make([]byte, sshCookie)...)
	for _, list := range []string{kex, "ssh-ed25519", "c2s-cipher", "s2c-cipher", "c2s-mac", "s2c-mac", "none", "none,zlib", "", ""} {
		body = append(binary.BigEndian.AppendUint32(body, uint32(len(list))), list...)
	}
	body = append(body, make([]byte, 5+4)...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func overSSH(t testing.TB, src, dst layers.TCPPort, payload []byte) []byte {
	return build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP), &layers.TCP{SrcPort: src, DstPort: dst, ACK: true}, gopacket.Payload(payload))
}

func TestSSH(t *testing.T) {
	client, server := md5Hex("kex;c2s-cipher;c2s-mac;none"), md5Hex("kex;s2c-cipher;s2c-mac;none,zlib")
	both := kexInit("kex")
	for _, c := range []struct {
		name     string
		src, dst layers.TCPPort
		data     []byte
		want     row
	}{
		{"identification", 9, 2222, []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), row{
			"frame_protocols": "eth:ip:tcp:ssh", "ssh_banner": "SSH-2.0-OpenSSH_9.2p1 Debian-2", "ssh_version": "2.0", "ssh_software": "OpenSSH_9.2p1",
			"ssh_kex_algorithms": "", "decode_error": "",
		}},
		{"client's key exchange", 40000, 22, both, row{
			"ssh_banner": "", "ssh_kex_algorithms": "kex", "ssh_host_key_algorithms": "ssh-ed25519", "ssh_encryption_c2s": "c2s-cipher", "ssh_encryption_s2c": "s2c-cipher",
			"ssh_mac_c2s": "c2s-mac", "ssh_mac_s2c": "s2c-mac", "ssh_compression_c2s": "none", "ssh_compression_s2c": "none,zlib", "ssh_hassh": client, "ssh_hassh_server": "",
		}},
		{"server's", 22, 40000, both, row{"ssh_hassh": "", "ssh_hassh_server": server}},
		{"nobody's", 2222, 40000, both, row{"ssh_kex_algorithms": "kex", "ssh_hassh": "", "ssh_hassh_server": ""}},
		{"a client's by its extension", 22, 40000, kexInit("kex,ext-info-c"), row{"ssh_hassh": md5Hex("kex,ext-info-c;c2s-cipher;c2s-mac;none"), "ssh_hassh_server": ""}},
		{"both in one segment", 22, 40000, append([]byte("SSH-2.0-dropbear\r\n"), both...), row{"ssh_software": "dropbear", "ssh_hassh_server": server}},
		{"cut", 40000, 22, both[:60], row{"ssh_kex_algorithms": "kex", "ssh_host_key_algorithms": "ssh-ed25519", "ssh_mac_c2s": "", "ssh_hassh": "", "decode_error": ""}},
		{"cut identification", 40000, 22, []byte("SSH-2.0-Open"), row{"frame_protocols": "eth:ip:tcp:ssh", "ssh_banner": "", "decode_error": ""}},
		{"identification too long", 40000, 22, []byte("SSH-2.0-" + strings.Repeat("x", 300)), row{"ssh_banner": "", "decode_error": "ssh: identification string too long"}},
		{"no version", 40000, 22, []byte("SSH-2\n"), row{"ssh_banner": "SSH-2", "ssh_version": "", "decode_error": "ssh: identification string without a version"}},
		{"encrypted", 40000, 22, unhex("0000 0020 1f5a 0303 0404 0505"), row{"frame_protocols": "eth:ip:tcp", "ssh_banner": ""}},
		{"a list that is too long", 40000, 22, append(append([]byte{0, 0, 0, 60, 4, sshKexInit}, make([]byte, 16)...), append(unhex("00000003 6b6578 00000050"), make([]byte, 40)...)...), row{
			"ssh_kex_algorithms": "kex", "ssh_host_key_algorithms": "", "decode_error": "ssh: too short",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, overSSH(t, c.src, c.dst, c.data), 0)
			check(t, got, c.want)
		})
	}
	_, d := decodeOne(t, pcapio.LinkEthernet, overSSH(t, 22, 5, []byte("SSH-2.0-x\r\n")), 0)
	if d.App == nil || d.App.Name != "ssh" || d.App.SSHBanner != "SSH-2.0-x" {
		t.Errorf("%+v", d.App)
	}
}
