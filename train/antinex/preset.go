package antinex

import "strings"

// Presets name requests that need no file.
var Presets = []string{"keras-dnn", "antinex-full"}

// Preset is a stock request: keras-dnn, network-pipeline's script (8-6-1, 50
// epochs of batches of 2 rows, no scaler), or antinex-full, the model
// Full-<App>-AntiNex-Simple-Scaler-DNN (67 features, 200-1, 15 epochs). nil
// for another name.
func Preset(name string) *Request {
	r := newRequest()
	switch name {
	case "keras-dnn":
		r.Label, r.Epochs, r.Batch, r.ApplyScaler = name, 50, 2, false
		r.Dataset, r.Meta = "/tmp/cleaned_attack_scans.csv", "/tmp/cleaned_metadata.json"
	case "antinex-full":
		r.Label, r.Epochs, r.Seed = "Full-AntiNex-Simple-Scaler-DNN", 15, 42
		r.Features = strings.Fields(fullFeatures)
		r.LabelRules = labelRules{Labels: []string{"not_attack", "not_attack", "attack"}, Values: []float64{-1, 0, 1}}
		r.ModelDesc = &modelDesc{[]layerDesc{{Units: 200, Init: "uniform", Activation: "relu"}, {Units: 1, Init: "uniform", Activation: "sigmoid"}}}
	default:
		return nil
	}
	return r
}

// fullFeatures are those of the stock models: AntiNex's numeric v1 columns.
const fullFeatures = `idx
	arp_hwlen arp_hwtype arp_id arp_op arp_plen arp_ptype
	dns_default_aa dns_default_ad dns_default_an dns_default_ancount dns_default_ar dns_default_arcount dns_default_cd dns_default_id
	dns_default_length dns_default_ns dns_default_nscount dns_default_opcode dns_default_qd dns_default_qdcount dns_default_qr
	dns_default_ra dns_default_rcode dns_default_rd dns_default_tc dns_default_z dns_id
	eth_id eth_type
	icmp_addr_mask icmp_code icmp_gw icmp_id icmp_ptr icmp_seq icmp_ts_ori icmp_ts_rx icmp_ts_tx icmp_type icmp_unused
	ip_id ip_ihl ip_len ip_tos ip_version
	ipv6_fl ipv6_hlim ipv6_nh ipv6_plen ipv6_tc ipv6_version ipvsix_id
	pad_id
	tcp_dport tcp_fields_options.MSS tcp_fields_options.NOP tcp_fields_options.SAckOK tcp_fields_options.Timestamp
	tcp_fields_options.WScale tcp_id tcp_seq tcp_sport
	udp_dport udp_id udp_len udp_sport`
