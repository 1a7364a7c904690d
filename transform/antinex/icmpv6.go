package antinex

// The messages of ICMPv6 that kamene tells apart. Shorter ones, and others
// such as version 2 of the multicast listener reports, are payload.
var icmpv6Layers = map[byte]struct {
	layer *layer
	least int // bytes that there must be
}{
	1:   {icmpv6("icmpv6destunreach", carriesError6, num("unused", 4)), 8},
	2:   {icmpv6("icmpv6packettoobig", carriesError6, num("mtu", 4)), 8},
	3:   {icmpv6("icmpv6timeexceeded", carriesError6, num("unused", 4)), 8},
	4:   {icmpv6("icmpv6paramproblem", carriesError6, num("ptr", 4)), 8},
	128: {icmpv6("icmpv6echorequest", carriesPayload, num("id", 2), num("seq", 2), as("data", rest)), 8},
	129: {icmpv6("icmpv6echoreply", carriesPayload, num("id", 2), num("seq", 2), as("data", rest)), 8},
	130: {icmpv6("icmpv6mlquery", carriesPayload, num("mrd", 2), num("reserved", 2), as("mladdr", ip6)), 24},
	131: {icmpv6("icmpv6mlreport", carriesPayload, num("mrd", 2), num("reserved", 2), as("mladdr", ip6)), 24},
	132: {icmpv6("icmpv6mldone", carriesPayload, num("mrd", 2), num("reserved", 2), as("mladdr", ip6)), 24},
	133: {icmpv6("icmpv6nd_rs", carriesNDOptions, num("res", 4)), 8},
	134: {icmpv6("icmpv6nd_ra", carriesNDOptions, num("chlim", 1), bit("M", 1), bit("O", 1), bit("H", 1), bit("prf", 2), bit("P", 1), bit("res", 2),
		num("routerlifetime", 2), num("reachabletime", 4), num("retranstimer", 4)), 16},
	135: {icmpv6("icmpv6nd_ns", carriesNDOptions, num("res", 4), as("tgt", ip6)), 24},
	136: {icmpv6("icmpv6nd_na", carriesNDOptions, bit("R", 1), bit("S", 1), bit("O", 1), bit("res", 29), as("tgt", ip6)), 24},
	137: {icmpv6("icmpv6nd_redirect", carriesNDOptions, num("res", 4), as("tgt", ip6), as("dst", ip6)), 40},
	139: {opaque("icmpv6niquery"), 0},
	140: {opaque("icmpv6nireply"), 0},
	141: {opaque("icmpv6nd_indsol"), 8},
	142: {opaque("icmpv6nd_indadv"), 8},
	144: {opaque("icmpv6haadrequest"), 8},
	145: {opaque("icmpv6haadreply"), 8},
	146: {opaque("icmpv6mpsol"), 8},
	147: {opaque("icmpv6mpadv"), 8},
	151: {opaque("icmpv6mrd_advertisement"), 8},
	152: {opaque("icmpv6mrd_solicitation"), 4},
	153: {opaque("icmpv6mrd_termination"), 4},
}

func icmpv6(name string, carries carry, fields ...field) *layer {
	return plain(name, carries, append([]field{num("type", 1), num("code", 1), num("cksum", 2)}, fields...)...)
}

func byICMPv6(b []byte) *layer {
	if len(b) == 0 {
		return nil
	}
	if m, ok := icmpv6Layers[b[0]]; ok && len(b) >= m.least {
		return m.layer
	}
	return nil
}

// The options of neighbour discovery. Those that are only counted are passed
// over by their length.
var ndOptions = map[byte]*layer{
	1:  ndOption("icmpv6ndoptsrclladdr", as("lladdr", mac)),
	2:  ndOption("icmpv6ndoptdstlladdr", as("lladdr", mac)),
	3:  ndOption("icmpv6ndoptprefixinfo", num("prefixlen", 1), bit("L", 1), bit("A", 1), bit("R", 1), bit("res1", 5), num("validlifetime", 4), num("preferredlifetime", 4), num("res2", 4), as("prefix", ip6)),
	5:  ndOption("icmpv6ndoptmtu", num("res", 2), num("mtu", 4)),
	4:  ndSized("icmpv6ndoptredirectedhdr"),
	6:  ndSized("icmpv6ndoptshortcutlimit"),
	7:  ndSized("icmpv6ndoptadvinterval"),
	8:  ndSized("icmpv6ndopthainfo"),
	9:  ndSized("icmpv6ndoptsrcaddrlist"),
	10: ndSized("icmpv6ndopttgtaddrlist"),
	17: ndSized("icmpv6ndoptipaddr"),
	18: ndSized("icmpv6ndoptnewrtrprefix"),
	19: ndSized("icmpv6ndoptlla"),
	23: ndSized("icmpv6ndoptmap"),
	24: ndSized("icmpv6ndoptrouteinfo"),
	25: ndSized("icmpv6ndoptrdnss"),
	26: ndSized("icmpv6ndoptefa"),
}

func ndOption(name string, fields ...field) *layer {
	return plain(name, carriesNDOptions, append([]field{num("type", 1), num("len", 1)}, fields...)...)
}

func ndSized(name string) *layer {
	return sized(name, carriesNDOption, num("type", 1), num("len", 1))
}

func byNDOption(b []byte) *layer {
	if len(b) < 2 {
		return nil
	}
	return ndOptions[b[0]]
}

func (d *Dissector) followNDOption(h *header, b []byte) {
	n, _ := h.get("len")
	b = tail(b, max(8*int(n)-2, 0))
	d.payload(byNDOption(b), b)
}
