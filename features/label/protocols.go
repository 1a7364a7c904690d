package label

import (
	"fmt"
	"strconv"
	"strings"
)

// protoKeywords are the keywords of IANA's registry "Assigned Internet
// Protocol Numbers", from 0, in lower case; several names of one protocol,
// among them those that argus gives it, with blanks between them. Empty ones
// have none, or one that others have too.
var protoKeywords = [...]string{
	"hopopt", "icmp", "igmp", "ggp", "ipv4 ipnip", "st st2", "tcp", "cbt", "egp", "igp",
	"bbn-rcc-mon bbn-rcc", "nvp-ii nvp", "pup", "argus", "emcon", "xnet", "chaos", "udp", "mux", "dcn-meas dcn",
	"hmp", "prm", "xns-idp", "trunk-1", "trunk-2", "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4",
	"netblt", "mfe-nsp", "merit-inp", "dccp sep", "3pc", "idpr", "xtp", "ddp", "idpr-cmtp", "tp++",
	"il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre", "dsr mhrp", "bna",
	"esp", "ah", "i-nlsp", "swipe", "narp", "mobile", "tlsp", "skip", "ipv6-icmp icmp6 icmpv6", "ipv6-nonxt ipv6-no",
	"ipv6-opts", "", "cftp", "", "sat-expak", "kryptolan", "rvd", "ippc", "", "sat-mon",
	"visa", "ipcv", "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd", "wb-mon", "wb-expak",
	"iso-ip", "vmtp", "secure-vmtp", "vines", "ttp iptm", "nsfnet-igp", "dgp", "tcf", "eigrp", "ospf ospfigp",
	"sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp", "scc-sp", "etherip", "encap", "pri-enc",
	"gmtp", "ifmp", "pnni", "pim", "aris", "scps", "qnx", "a/n", "ipcomp", "snp",
	"compaq-peer", "ipx-in-ip ipx-n-ip", "vrrp", "pgm", "", "l2tp", "ddx", "iatp", "stp", "srp",
	"uti", "smp", "sm", "ptp", "isis", "fire", "crtp", "crudp", "sscopmce sccopmce", "iplt",
	"sps", "pipe", "sctp", "fc", "rsvp-e2e-ignore", "mobility", "udplite", "mpls-in-ip", "manet", "shim6",
	"wesp", "rohc",
}

// protoNumbers is the same by name, with what is no IP protocol.
var protoNumbers = func() map[string]Proto {
	m := map[string]Proto{"": AnyProto, "*": AnyProto, "any": AnyProto, "ip": AnyProto, "arp": ARP}
	for n, names := range protoKeywords {
		for name := range strings.FieldsSeq(names) {
			m[name] = Proto(n)
		}
	}
	return m
}()

// ParseProto reads a protocol's name or number; empty and "*" are any.
func ParseProto(s string) (Proto, error) {
	if p, ok := protoNumbers[strings.ToLower(s)]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q is neither a known name nor a number up to 255", s)
	}
	return Proto(n), nil
}
