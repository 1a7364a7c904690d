package flow

// Kinds of tunnels, in the upper eight bits of [Digest.Tunnel]. The numbers
// are part of what [Key.Hash] hashes and do not change.
const (
	TunnelIP     uint8 = 1 // by a protocol number of IP's own: IPv4, IPv6 (RFC 2003, 2473, 4213), MPLS (RFC 4023), Ethernet (RFC 8986)
	TunnelGRE    uint8 = 2 // RFC 2784, 2637
	TunnelVXLAN  uint8 = 3 // RFC 7348
	TunnelGeneve uint8 = 4 // RFC 8926
	TunnelGTPU   uint8 = 5 // 3GPP TS 29.281
)

// tunnelNames are Wireshark's names of the kinds.
var tunnelNames = [...]string{
	TunnelIP: "ip", TunnelGRE: "gre", TunnelVXLAN: "vxlan", TunnelGeneve: "geneve", TunnelGTPU: "gtp",
}

// Tunnel makes a value of [Digest.Tunnel]. network is the number of the
// virtual network of 24 bits (VNI), 0 where the tunnel has none. A TEID of
// GTP or a key of GRE is none: it differs by direction.
func Tunnel(kind uint8, network uint32) uint32 { return uint32(kind)<<24 | network&0xffffff }

// tunnelOf is the inverse of Tunnel. A VNI is there in the kinds that have
// one, though it be 0.
func tunnelOf(tunnel uint32) (name string, network uint32, hasNetwork bool) {
	kind := uint8(tunnel >> 24)
	if int(kind) < len(tunnelNames) {
		name = tunnelNames[kind]
	}
	return name, tunnel & 0xffffff, kind == TunnelVXLAN || kind == TunnelGeneve
}

// TunnelKind is the kind of that name in a flows table; 0 for another.
func TunnelKind(name string) uint8 {
	for kind, n := range tunnelNames {
		if n == name && n != "" {
			return uint8(kind)
		}
	}
	return 0
}
