package antinex

// prefixes are what columns of a layer begin with. Layers that are not here
// have no columns.
var prefixes = map[string]string{
	"arp": "arp_", "dns": "dns_", "ether": "eth_", "icmp": "icmp_", "ip": "ip_", "ipv6": "ipv6_",
	"padding": "pad_", "raw": "raw_", "tcp": "tcp_", "udp": "udp_",
}

// placeholders are columns that are in every table and empty in each row.
var placeholders = []string{
	"arp_id", "dns_id", "eth_id", "icmp_id", "ip_id", "ipvsix_id", "pad_id", "raw_id", "tcp_id", "udp_id",
}

// IsHexText reports whether a column of AntiNex's tables has bytes as
// hexadecimal text, of which some would pass for numbers.
func IsHexText(column string) bool {
	switch column {
	case "raw_load", "raw_hex_load", "raw_hex_field_load", "pad_load", "pad_hex_field_load":
		return true
	}
	return false
}

// flatten calls cell for each value of a message that has a column, with the
// column's name: the layer's prefix and the field's name, names of nested maps
// joined by dots. The name is valid during the call.
func flatten(layers []Layer, cell func(column []byte, v *Value)) {
	var name [96]byte
	for i := range layers {
		if prefix, ok := prefixes[layers[i].Name]; ok {
			flattenFields(append(name[:0], prefix...), layers[i].Fields, cell)
		}
	}
}

func flattenFields(prefix []byte, fields []Field, cell func(column []byte, v *Value)) {
	for i := range fields {
		f := &fields[i]
		name := append(prefix, f.Name...)
		if f.Value.Kind == Map { // an empty one has no column
			flattenFields(append(name, '.'), f.Value.Fields, cell)
			continue
		}
		cell(name, &f.Value)
	}
}
