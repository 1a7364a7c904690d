package layer

import (
	"bytes"

	"github.com/pcapline/pcapline/transform/schema"
)

// SSH is what the Secure Shell says in the clear at the start of a connection:
// an identification string, and the algorithms that the key exchange offers.
type SSH struct {
	schema.Layer `name:"ssh" title:"Secure Shell" source:"RFC 4253"`

	Banner   schema.Optional[schema.Text] `name:"ssh_banner" ws:"ssh.protocol" role:"payload" store:"dict" source:"RFC 4253, 4.2" doc:"Identification string, without the line's end: SSH-2.0-OpenSSH_9.2p1 Debian-2. Bytes that do not print are written \\DDD. Only where the segment begins with it and holds its end."`
	Version  schema.Optional[schema.Text] `name:"ssh_version" store:"dict" source:"RFC 4253, 4.2" doc:"Version of the protocol in that string: 2.0, 1.99, 1.5."`
	Software schema.Optional[schema.Text] `name:"ssh_software" role:"identity" store:"dict" source:"RFC 4253, 4.2" doc:"Software's name and version in that string."`

	KexAlgorithms  schema.Optional[schema.Text] `name:"ssh_kex_algorithms" ws:"ssh.kex_algorithms" store:"dict" source:"RFC 4253, 7.1" doc:"Key exchange methods, in order of preference, joined by commas. This and the lists below are those of a key exchange that the segment begins with or that is behind the identification string; null where the segment ends before the list does."`
	HostKeys       schema.Optional[schema.Text] `name:"ssh_host_key_algorithms" ws:"ssh.server_host_key_algorithms" store:"dict" source:"RFC 4253, 7.1" doc:"Algorithms of host keys."`
	EncryptionC2S  schema.Optional[schema.Text] `name:"ssh_encryption_c2s" ws:"ssh.encryption_algorithms_client_to_server" store:"dict" source:"RFC 4253, 7.1" doc:"Ciphers from client to server."`
	EncryptionS2C  schema.Optional[schema.Text] `name:"ssh_encryption_s2c" ws:"ssh.encryption_algorithms_server_to_client" store:"dict" source:"RFC 4253, 7.1" doc:"Ciphers from server to client."`
	MACC2S         schema.Optional[schema.Text] `name:"ssh_mac_c2s" ws:"ssh.mac_algorithms_client_to_server" store:"dict" source:"RFC 4253, 7.1" doc:"Message authentication codes from client to server."`
	MACS2C         schema.Optional[schema.Text] `name:"ssh_mac_s2c" ws:"ssh.mac_algorithms_server_to_client" store:"dict" source:"RFC 4253, 7.1" doc:"Message authentication codes from server to client."`
	CompressionC2S schema.Optional[schema.Text] `name:"ssh_compression_c2s" ws:"ssh.compression_algorithms_client_to_server" store:"dict" source:"RFC 4253, 7.1" doc:"Compression from client to server."`
	CompressionS2C schema.Optional[schema.Text] `name:"ssh_compression_s2c" ws:"ssh.compression_algorithms_server_to_client" store:"dict" source:"RFC 4253, 7.1" doc:"Compression from server to client."`
	HASSH          schema.Optional[schema.Text] `name:"ssh_hassh" ws:"ssh.kex.hassh" role:"identity" store:"dict" source:"https://github.com/salesforce/hassh" doc:"HASSH fingerprint of the client: MD5 of its key exchange methods, ciphers, codes and compression. Null where the segment cuts the lists, and where neither an extension of the lists (RFC 8308) nor port 22 says which side sent them."`
	HASSHServer    schema.Optional[schema.Text] `name:"ssh_hassh_server" ws:"ssh.kex.hasshserver" role:"identity" store:"dict" source:"https://github.com/salesforce/hassh" doc:"The same of the server."`

	print fingerprints
}

// Reached says what leads to SSH: its first bytes, at any port.
func (*SSH) Reached() []Key { return []Key{contentSSH} }

const maxSSHBanner = 255 // RFC 4253, 4.2, with the line's end

// Decode takes the identification string and the key exchange.
func (s *SSH) Decode(d *Decoder, b []byte) (Key, []byte) {
	s.Mark(d.Row)
	if b[0] == 'S' {
		b = s.decodeBanner(d, b)
	}
	if len(b) > 0 && isKexInit(b) {
		s.decodeKexInit(d, b)
	}
	d.name(appSSH)
	return 0, nil
}

// decodeBanner takes the identification string and returns what is behind it.
func (s *SSH) decodeBanner(d *Decoder, b []byte) (rest []byte) {
	line, rest, whole := cutLine(b)
	if !whole && len(b) < maxSSHBanner {
		return nil // the rest is in the next segment
	}
	if !whole || len(line) > maxSSHBanner-1 {
		d.Note("identification string too long")
		return nil
	}
	banner := d.Printable(line)
	s.Banner.Set(d.Row, banner)
	version, software, ok := bytes.Cut(banner[len("SSH-"):], []byte{'-'})
	if !ok {
		d.Note("identification string without a version")
		return rest
	}
	software, _, _ = bytes.Cut(software, []byte{' '}) // comments are behind a space
	s.Version.Set(d.Row, version)
	s.Software.Set(d.Row, software)
	if d.flows {
		d.app("ssh").SSHBanner = appText(banner)
	}
	return rest
}
