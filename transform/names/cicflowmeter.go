package names

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

const (
	microseconds = 1e6 // in a second
	milliseconds = 1e3
)

// Notes that several of CICFlowMeter's columns share.
const (
	cicGaps   = "CICFlowMeter goes below 0 on packets out of order of time; here their gaps are 0."
	cicLength = "Payload lengths; CICFlowMeter counts Ethernet padding as payload."
	cicSample = "Of a single packet 0, as there."
	cicRate   = "0 where the flow has no duration; CICFlowMeter writes Infinity or NaN there, which lost whole rows of its data sets."
	cicActive = "CICFlowMeter leaves out periods of a single packet, and the last one of a flow that is timed out with the rest of the time-out as idle time."
	cicBulk   = "CICFlowMeter compares addresses by identity and takes every packet but the first for a backward one, rounds down, and writes forward bytes in place of backward ones."
)

// cicFlowMeter has the columns of CICFlowMeter 4 in its order. Its data sets
// name them a little differently: CIC-IDS2017 has "Fwd Header Length" twice
// and blanks before the names.
var cicFlowMeter = Dialect{
	Name:  "cicflowmeter",
	Title: "CICFlowMeter 4.0, FlowFeature",
	Columns: []Column{
		{Name: "Flow ID", Kind: schema.String, Missing: zero, Value: cicFlowID, Doc: "The endpoints stand in CICFlowMeter's order, not in the flow's, so that ids can be joined with its data sets."},
		{Name: "Src IP", Kind: schema.IPAddr, Value: same("src_ip"), Doc: "The initiator; CICFlowMeter takes the first packet's sender, which on a capture begun midway may be the server."},
		{Name: "Src Port", Kind: schema.Uint16, Missing: zero, Value: same("src_port")},
		{Name: "Dst IP", Kind: schema.IPAddr, Value: same("dst_ip")},
		{Name: "Dst Port", Kind: schema.Uint16, Missing: zero, Value: same("dst_port")},
		{Name: "Protocol", Kind: schema.Uint8, Missing: zero, Value: same("ip_proto"), Doc: "0 for ARP, which CICFlowMeter does not list."},
		{Name: "Timestamp", Kind: schema.String, Missing: zero, Value: cicTimestamp, Doc: "UTC; CICFlowMeter writes local time of a 12-hour clock to the second, in its data sets without AM and PM."},
		{Name: "Flow Duration", Kind: schema.Int64, Unit: "us", Missing: zero, Value: scaled("duration", microseconds), Doc: "Never negative."},
		{Name: "Total Fwd Packet", Kind: schema.Int64, Missing: zero, Value: same("fwd_packets")},
		{Name: "Total Bwd packets", Kind: schema.Int64, Missing: zero, Value: same("bwd_packets")},
		{Name: "Total Length of Fwd Packet", Kind: schema.Int64, Unit: "B", Missing: zero, Value: same("fwd_payload_bytes"), Doc: cicLength},
		{Name: "Total Length of Bwd Packet", Kind: schema.Int64, Unit: "B", Missing: zero, Value: same("bwd_payload_bytes"), Doc: cicLength},
		{Name: "Fwd Packet Length Max", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same("fwd_payload_max"), Doc: cicLength},
		{Name: "Fwd Packet Length Min", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same("fwd_payload_min"), Doc: cicLength},
		{Name: "Fwd Packet Length Mean", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("fwd_payload_mean"), Doc: cicLength},
		{Name: "Fwd Packet Length Std", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("fwd_payload_std"), Doc: cicSample},
		{Name: "Bwd Packet Length Max", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same("bwd_payload_max"), Doc: cicLength},
		{Name: "Bwd Packet Length Min", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same("bwd_payload_min"), Doc: cicLength},
		{Name: "Bwd Packet Length Mean", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("bwd_payload_mean"), Doc: cicLength},
		{Name: "Bwd Packet Length Std", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("bwd_payload_std"), Doc: cicSample},
		{Name: "Flow Bytes/s", Kind: schema.Float64, Unit: "B/s", Missing: zero, Value: ratio("flow_payload_bytes", "duration"), Doc: cicRate},
		{Name: "Flow Packets/s", Kind: schema.Float64, Unit: "1/s", Missing: zero, Value: same("flow_packets_per_s"), Doc: cicRate},
		{Name: "Flow IAT Mean", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("flow_iat_mean", microseconds), Doc: cicGaps},
		{Name: "Flow IAT Std", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("flow_iat_std", microseconds)},
		{Name: "Flow IAT Max", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("flow_iat_max", microseconds)},
		{Name: "Flow IAT Min", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("flow_iat_min", microseconds), Doc: cicGaps},
		{Name: "Fwd IAT Total", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("fwd_duration", microseconds)},
		{Name: "Fwd IAT Mean", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("fwd_iat_mean", microseconds), Doc: cicGaps},
		{Name: "Fwd IAT Std", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("fwd_iat_std", microseconds)},
		{Name: "Fwd IAT Max", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("fwd_iat_max", microseconds)},
		{Name: "Fwd IAT Min", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("fwd_iat_min", microseconds), Doc: cicGaps},
		{Name: "Bwd IAT Total", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("bwd_duration", microseconds)},
		{Name: "Bwd IAT Mean", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("bwd_iat_mean", microseconds), Doc: cicGaps},
		{Name: "Bwd IAT Std", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("bwd_iat_std", microseconds)},
		{Name: "Bwd IAT Max", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("bwd_iat_max", microseconds)},
		{Name: "Bwd IAT Min", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("bwd_iat_min", microseconds), Doc: cicGaps},
		{Name: "Fwd PSH Flags", Kind: schema.Uint32, Missing: zero, Value: same("fwd_tcp_psh"), Doc: "CICFlowMeter looks at the first packet only."},
		{Name: "Bwd PSH Flags", Kind: schema.Uint32, Missing: zero, Value: same("bwd_tcp_psh"), Doc: "CICFlowMeter: always 0."},
		{Name: "Fwd URG Flags", Kind: schema.Uint32, Missing: zero, Value: same("fwd_tcp_urg"), Doc: "CICFlowMeter looks at the first packet only."},
		{Name: "Bwd URG Flags", Kind: schema.Uint32, Missing: zero, Value: same("bwd_tcp_urg"), Doc: "CICFlowMeter: always 0."},
		{Name: "Fwd Header Length", Kind: schema.Int64, Unit: "B", Missing: zero, Value: same("fwd_header_bytes")},
		{Name: "Bwd Header Length", Kind: schema.Int64, Unit: "B", Missing: zero, Value: same("bwd_header_bytes")},
		{Name: "Fwd Packets/s", Kind: schema.Float64, Unit: "1/s", Missing: zero, Value: same("fwd_packets_per_s")},
		{Name: "Bwd Packets/s", Kind: schema.Float64, Unit: "1/s", Missing: zero, Value: same("bwd_packets_per_s")},
		{Name: "Packet Length Min", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same("flow_payload_min"), Doc: cicLength},
		{Name: "Packet Length Max", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same("flow_payload_max"), Doc: cicLength},
		{Name: "Packet Length Mean", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("flow_payload_mean"), Doc: "CICFlowMeter counts the first packet twice."},
		{Name: "Packet Length Std", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("flow_payload_std"), Doc: "CICFlowMeter counts the first packet twice."},
		{Name: "Packet Length Variance", Kind: schema.Float64, Unit: "B²", Missing: zero, Value: squared("flow_payload_std"), Doc: "CICFlowMeter counts the first packet twice."},
		{Name: "FIN Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_fin", "bwd_tcp_fin")},
		{Name: "SYN Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_syn", "bwd_tcp_syn")},
		{Name: "RST Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_rst", "bwd_tcp_rst")},
		{Name: "PSH Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_psh", "bwd_tcp_psh")},
		{Name: "ACK Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_ack", "bwd_tcp_ack")},
		{Name: "URG Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_urg", "bwd_tcp_urg")},
		{Name: "CWR Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_cwr", "bwd_tcp_cwr"), Doc: "Some versions write the flag counts in the order of a hash map, under the wrong names."},
		{Name: "ECE Flag Count", Kind: schema.Int64, Missing: zero, Value: sum("fwd_tcp_ece", "bwd_tcp_ece")},
		{Name: "Down/Up Ratio", Kind: schema.Float64, Missing: zero, Value: same("down_up_ratio"), Doc: "CICFlowMeter rounds it down to a whole number."},
		{Name: "Average Packet Size", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("flow_payload_mean"), Doc: "CICFlowMeter counts the first packet twice in the sum and once in the number."},
		{Name: "Fwd Segment Size Avg", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("fwd_payload_mean")},
		{Name: "Bwd Segment Size Avg", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("bwd_payload_mean")},
		{Name: "Fwd Bytes/Bulk Avg", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("fwd_bulk_bytes_mean"), Doc: cicBulk},
		{Name: "Fwd Packet/Bulk Avg", Kind: schema.Float64, Missing: zero, Value: same("fwd_bulk_packets_mean"), Doc: cicBulk},
		{Name: "Fwd Bulk Rate Avg", Kind: schema.Float64, Unit: "B/s", Missing: zero, Value: same("fwd_bulk_rate"), Doc: cicBulk},
		{Name: "Bwd Bytes/Bulk Avg", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("bwd_bulk_bytes_mean"), Doc: cicBulk},
		{Name: "Bwd Packet/Bulk Avg", Kind: schema.Float64, Missing: zero, Value: same("bwd_bulk_packets_mean"), Doc: cicBulk},
		{Name: "Bwd Bulk Rate Avg", Kind: schema.Float64, Unit: "B/s", Missing: zero, Value: same("bwd_bulk_rate"), Doc: cicBulk},
		{Name: "Subflow Fwd Packets", Kind: schema.Float64, Missing: zero, Value: same("fwd_subflow_packets_mean"), Doc: cicSubflow},
		{Name: "Subflow Fwd Bytes", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("fwd_subflow_bytes_mean"), Doc: cicSubflow},
		{Name: "Subflow Bwd Packets", Kind: schema.Float64, Missing: zero, Value: same("bwd_subflow_packets_mean"), Doc: cicSubflow},
		{Name: "Subflow Bwd Bytes", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same("bwd_subflow_bytes_mean"), Doc: cicSubflow},
		{Name: "FWD Init Win Bytes", Kind: schema.Uint16, Unit: "B", Missing: zero, Value: same("fwd_tcp_init_window"), Doc: "Without TCP 0; its data sets have -1."},
		{Name: "Bwd Init Win Bytes", Kind: schema.Uint16, Unit: "B", Missing: zero, Value: same("bwd_tcp_init_window"), Doc: "CICFlowMeter has that of the last backward packet."},
		{Name: "Fwd Act Data Pkts", Kind: schema.Int64, Missing: zero, Value: same("fwd_data_packets"), Doc: "CICFlowMeter leaves out the first packet."},
		{Name: "Fwd Seg Size Min", Kind: schema.Uint16, Unit: "B", Missing: zero, Value: same("fwd_header_min"), Doc: "No segment's size, there neither. It says which operating system sent more than what was sent."},
		{Name: "Active Mean", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("active_mean", microseconds), Doc: cicActive},
		{Name: "Active Std", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("active_std", microseconds), Doc: cicActive},
		{Name: "Active Max", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("active_max", microseconds), Doc: cicActive},
		{Name: "Active Min", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("active_min", microseconds), Doc: cicActive},
		{Name: "Idle Mean", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("idle_mean", microseconds), Doc: cicActive},
		{Name: "Idle Std", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("idle_std", microseconds), Doc: cicActive},
		{Name: "Idle Max", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("idle_max", microseconds), Doc: cicActive},
		{Name: "Idle Min", Kind: schema.Float64, Unit: "us", Missing: zero, Value: scaled("idle_min", microseconds), Doc: cicActive},
		{Name: "Label", Kind: schema.String, Missing: optional, Value: same("label"), Doc: "Missing where no rules were given, null where no rule covers the flow; CICFlowMeter writes NeedManualLabel."},
	},
}

const cicSubflow = "CICFlowMeter rounds down, and compares µs with s, so that every packet begins a subflow."

// cicFlowID writes the endpoints in the order of their addresses' bytes taken
// as signed numbers, as Java has them.
var cicFlowID = formula{
	text: "SRC-DST-SRCPORT-DSTPORT-PROTOCOL", from: []string{"src_ip", "dst_ip", "src_port", "dst_port", "ip_proto"},
	write: func(dst []byte, r *row) ([]byte, bool) {
		a, _ := r.addr(0)
		b, _ := r.addr(1)
		aPort, _ := r.whole(2)
		bPort, _ := r.whole(3)
		proto, _ := r.whole(4)
		if signedAfter(a, b) {
			a, b, aPort, bPort = b, a, bPort, aPort
		}
		dst = append(a.AppendTo(dst), '-')
		dst = append(b.AppendTo(dst), '-')
		dst = append(strconv.AppendInt(dst, aPort, 10), '-')
		dst = append(strconv.AppendInt(dst, bPort, 10), '-')
		return strconv.AppendInt(dst, proto, 10), true
	},
}

// signedAfter reports whether a stands behind b.
func signedAfter(a, b netip.Addr) bool {
	x, y := a.AsSlice(), b.AsSlice()
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return int8(x[i]) > int8(y[i])
		}
	}
	return false
}

var cicTimestamp = formula{
	text: "ts as YYYY-MM-DD HH:MM:SS.ffffff", from: []string{"ts"},
	write: func(dst []byte, r *row) ([]byte, bool) {
		us, ok := r.whole(0)
		return time.UnixMicro(us).UTC().AppendFormat(dst, "2006-01-02 15:04:05.000000"), ok
	},
}
