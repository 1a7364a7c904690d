package filter

// proto is a protocol keyword of the language, also as a qualifier.
type proto uint8

const (
	pAny proto = iota // no qualifier
	pLink
	pIP
	pIP6
	pARP
	pRARP
	pTCP
	pUDP
	pSCTP
	pICMP
	pICMP6
	pIGMP
	pIGRP
	pPIM
	pVRRP
	pCARP
	pAH
	pESP
	pISO
	pCLNP
	pESIS
	pISIS
	pSTP
	pIPX
	pNetBEUI
	pAtalk
	pAARP
	pDECnet
	pLAT
	pSCA
	pMOPRC
	pMOPDL
)

// protoNames are the keywords that name a protocol. All of libpcap's synonyms
// for the link layer mean the link layer at hand, as they do there.
var protoNames = map[string]proto{
	"ether": pLink, "link": pLink, "ppp": pLink, "slip": pLink, "fddi": pLink, "tr": pLink, "wlan": pLink,
	"ip": pIP, "ip6": pIP6, "arp": pARP, "rarp": pRARP,
	"tcp": pTCP, "udp": pUDP, "sctp": pSCTP, "icmp": pICMP, "icmp6": pICMP6,
	"igmp": pIGMP, "igrp": pIGRP, "pim": pPIM, "vrrp": pVRRP, "carp": pCARP, "ah": pAH, "esp": pESP,
	"iso": pISO, "clnp": pCLNP, "esis": pESIS, "es-is": pESIS, "isis": pISIS, "is-is": pISIS,
	"stp": pSTP, "ipx": pIPX, "netbeui": pNetBEUI, "atalk": pAtalk, "aarp": pAARP,
	"decnet": pDECnet, "lat": pLAT, "sca": pSCA, "moprc": pMOPRC, "mopdl": pMOPDL,
}

// name gives the keyword, for messages.
func (p proto) name() string {
	best := ""
	for n, v := range protoNames {
		if v == p && (best == "" || n < best) {
			best = n
		}
	}
	if p == pLink {
		return "ether"
	}
	return best
}

// EtherTypes (IEEE registration authority) and 802.2 service access points.
const (
	etherIP     = 0x0800
	etherARP    = 0x0806
	etherRARP   = 0x8035
	etherIP6    = 0x86dd
	etherVLAN   = 0x8100 // 802.1Q
	etherQinQ   = 0x88a8 // 802.1ad
	etherQinQ91 = 0x9100 // before 802.1ad
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherIPX    = 0x8137
	etherAtalk  = 0x809b
	etherAARP   = 0x80f3

	maxLength = 1500 // an Ethernet type field up to this is a length

	sapSTP     = 0x42
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe
)

// IP protocol numbers (IANA).
const (
	ipTCP      = 6
	ipUDP      = 17
	ipFragment = 44
	ipICMP6    = 58
	ipSCTP     = 132
)

// protoNumbers are the protocols that a keyword alone stands for: an IP
// protocol over the layers in over (pAny: IPv4 and IPv6).
var protoNumbers = map[proto]struct {
	number int
	over   proto
}{
	pTCP: {ipTCP, pAny}, pUDP: {ipUDP, pAny}, pSCTP: {ipSCTP, pAny}, pPIM: {103, pAny},
	pAH: {51, pAny}, pESP: {50, pAny},
	pICMP: {1, pIP}, pIGMP: {2, pIP}, pIGRP: {9, pIP}, pVRRP: {112, pIP}, pCARP: {112, pIP},
	pICMP6: {ipICMP6, pIP6},
}

// linkNumbers are the keywords that stand for one EtherType or access point.
var linkNumbers = map[proto]int{
	pIP: etherIP, pIP6: etherIP6, pARP: etherARP, pRARP: etherRARP,
	pISO: sapISO, pSTP: sapSTP, pIPX: sapIPX, pNetBEUI: sapNetBEUI,
	pAtalk: etherAtalk, pAARP: etherAARP,
	pDECnet: 0x6003, pLAT: 0x6004, pSCA: 0x6007, pMOPRC: 0x6002, pMOPDL: 0x6001,
}

// etherProtoNames are the names that "ether proto" takes.
var etherProtoNames = map[string]int{
	"ip": etherIP, "ip6": etherIP6, "arp": etherARP, "rarp": etherRARP,
	"aarp": etherAARP, "atalk": etherAtalk, "decnet": 0x6003, "lat": 0x6004, "loopback": 0x9000,
	"mopdl": 0x6001, "moprc": 0x6002, "sca": 0x6007,
	"iso": sapISO, "stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI,
}

// ipProtoNames are the names that "proto", "ip proto" and "ip6 proto" take:
// IANA's protocol numbers under their names in protocols(5).
var ipProtoNames = map[string]int{
	"ip": 0, "hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9,
	"pup": 12, "udp": 17, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37,
	"idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50,
	"ah": 51, "skip": 57, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88,
	"ospf": 89, "ax.25": 93, "ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112,
	"l2tp": 115, "isis": 124, "sctp": 132, "fc": 133, "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137,
	"manet": 138, "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142,
}

// constants are the words that stand for a number: offsets and values in TCP,
// ICMP (RFC 792, 950, 1256) and ICMPv6 (IANA) headers.
var constants = map[string]uint32{
	"tcpflags": 13,
	"tcp-fin":  1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
	"icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
	"icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
	"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
	"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
	"icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
	"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144,
	"icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147,
	"icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151,
	"icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,
}

// refused are words of the language that this compiler does not take, with
// what to say.
var refused = map[string]string{
	"gateway":    "gateway needs name tables and is not supported; use ether host",
	"protochain": "protochain needs backward jumps, which kernels refuse; it is not supported",
	"geneve":     "geneve is not supported", "byte": "byte is not supported; use ether[offset]",
	"llc": "llc is not supported", "radio": "radio is not supported",
	"type": "802.11 frame types are not supported", "subtype": "802.11 frame types are not supported",
	"direction": "802.11 directions are not supported", "dir": "802.11 directions are not supported",
	"addr1": "802.11 addresses are not supported", "addr2": "802.11 addresses are not supported",
	"addr3": "802.11 addresses are not supported", "addr4": "802.11 addresses are not supported",
	"ra": "802.11 addresses are not supported", "ta": "802.11 addresses are not supported",
	"ifname": "ifname is not supported", "on": "pf primitives are not supported", "action": "pf primitives are not supported",
	"reason": "pf primitives are not supported", "rnr": "pf primitives are not supported",
	"rulenum": "pf primitives are not supported", "rset": "pf primitives are not supported",
	"ruleset": "pf primitives are not supported", "srnr": "pf primitives are not supported",
	"subrulenum": "pf primitives are not supported",
	"lane":       "ATM primitives are not supported", "metac": "ATM primitives are not supported",
	"bcc": "ATM primitives are not supported", "oam": "ATM primitives are not supported",
	"oamf4": "ATM primitives are not supported", "vpi": "ATM primitives are not supported",
	"vci": "ATM primitives are not supported", "l1": "IS-IS PDU types are not supported",
	"l2": "IS-IS PDU types are not supported", "iih": "IS-IS PDU types are not supported",
	"lsp": "IS-IS PDU types are not supported", "snp": "IS-IS PDU types are not supported",
	"csnp": "IS-IS PDU types are not supported", "psnp": "IS-IS PDU types are not supported",
	"fisu": "MTP primitives are not supported", "lssu": "MTP primitives are not supported",
	"msu": "MTP primitives are not supported", "sio": "MTP primitives are not supported",
	"opc": "MTP primitives are not supported", "dpc": "MTP primitives are not supported",
	"sls": "MTP primitives are not supported",
}
