package layer

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

// A UDP packet behind LLC and SNAP, and addresses of frames.
const (
	snapUDP = " aaaa03 000000 0800 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000 "
	addrA   = " 02000000000a "
	addrB   = " 02000000000b "
	addrC   = " 02000000000c "
	addrD   = " 02000000000d "
)

// wlanPackets are IEEE 802.11 frames, with and without radiotap.
var wlanPackets = []packetCase{
	{
		name: "radiotap and a data frame to the access point, by gopacket", link: pcapio.LinkIEEE80211Radio,
		ls: []gopacket.SerializableLayer{
			&layers.RadioTap{
				Present: layers.RadioTapPresentTSFT | layers.RadioTapPresentFlags | layers.RadioTapPresentRate | layers.RadioTapPresentChannel |
					layers.RadioTapPresentDBMAntennaSignal | layers.RadioTapPresentDBMAntennaNoise | layers.RadioTapPresentAntenna,
				TSFT: 1234567890123, Rate: 11, ChannelFrequency: 2437, ChannelFlags: 0xa0,
				DBMAntennaSignal: -61, DBMAntennaNoise: -95, Antenna: 0,
			},
			&layers.Dot11{
				Type: layers.Dot11TypeData, Flags: layers.Dot11FlagsToDS | layers.Dot11FlagsRetry, DurationID: 44,
				Address1: macA, Address2: macB, Address3: macA, SequenceNumber: 4095, FragmentNumber: 0,
			},
			&layers.LLC{DSAP: 0xaa, SSAP: 0xaa, Control: 3}, &layers.SNAP{OrganizationalCode: []byte{0, 0, 0}, Type: layers.EthernetTypeIPv4},
			ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("x"),
		},
		want: row{
			"frame_protocols": "radiotap:wlan:llc:ip:udp", "decode_error": "", "payload": "78", "udp_dst_port": "2000",
			"radiotap_version": "0", "radiotap_present": "2159", "radiotap_tsft": "1234567890123", "radiotap_flags": "0",
			"radiotap_flag_fcs": "false", "radiotap_flag_bad_fcs": "false", "radiotap_rate": "5.5", "radiotap_channel_freq": "2437",
			"radiotap_channel_flags": "160", "radiotap_dbm_signal": "-61", "radiotap_dbm_noise": "-95", "radiotap_antenna": "0",
			"radiotap_mcs_index": "", "radiotap_fcs": "", "wlan_type": "2", "wlan_subtype": "0", "wlan_to_ds": "true", "wlan_from_ds": "false",
			"wlan_retry": "true", "wlan_protected": "false", "wlan_duration": "44", "wlan_ra": "02:00:00:00:00:0a", "wlan_ta": "02:00:00:00:00:0b",
			"wlan_bssid": "02:00:00:00:00:0a", "wlan_sa": "02:00:00:00:00:0b", "wlan_da": "02:00:00:00:00:0a", "wlan_seq": "4095",
			"wlan_frag": "0", "wlan_qos": "", "wlan_qos_tid": "", "wlan_qos_amsdu": "", "wlan_ssid": "", "wlan_aid": "",
		},
	},
	{
		name: "FCS at the end, bad, is not payload", link: pcapio.LinkIEEE80211Radio,
		hex: "0000 0900 02000000 50  0801 0000" + addrA + addrB + addrC + "1000" + snapUDP + "78563412",
		want: row{
			"frame_protocols": "radiotap:wlan:llc:ip:udp", "radiotap_flag_fcs": "true", "radiotap_flag_bad_fcs": "true",
			"radiotap_fcs": "305419896", "payload_len": "0", "padding": "", "decode_error": "", "radiotap_tsft": "", "radiotap_dbm_signal": "",
		},
	},
	{
		name: "FCS cut off by the capture", link: pcapio.LinkIEEE80211Radio, cut: 9 + 24 + 6,
		hex:  "0000 0900 02000000 10  0840 0000" + addrA + addrB + addrC + "1000 0102030405060708 78563412",
		want: row{"radiotap_fcs": "", "payload": "010203040506", "payload_len": "8", "wlan_protected": "true", "decode_error": ""},
	},
	{
		name: "FCS cut in the middle", link: pcapio.LinkIEEE80211Radio, cut: 9 + 24 + 10,
		hex:  "0000 0900 02000000 10  0840 0000" + addrA + addrB + addrC + "1000 0102030405060708 78563412",
		want: row{"radiotap_fcs": "", "payload": "0102030405060708", "payload_len": "8", "decode_error": ""},
	},
	{
		name: "FCS of a frame that has no room for it", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 0900 02000000 10  c400",
		want: row{"radiotap_fcs": "", "decode_error": "radiotap: too short", "wlan_type": "1"},
	},
	{
		name: "padding between header and body", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 0900 02000000 20  8801 0000" + addrA + addrB + addrC + "1000 0500 0000" + snapUDP,
		want: row{"frame_protocols": "radiotap:wlan:llc:ip:udp", "wlan_qos": "5", "wlan_qos_tid": "5", "wlan_qos_amsdu": "false", "udp_len": "8"},
	},
	{
		name: "one signal for each antenna: the first counts", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 1400 200000a0 20080000 c4 bb 01 0000000000 d400 0000" + addrA,
		want: row{"radiotap_present": "2684354592;2080", "radiotap_dbm_signal": "-60", "radiotap_antenna": "1", "wlan_ra": "02:00:00:00:00:0a", "decode_error": ""},
	},
	{
		name: "a vendor's fields are passed over", link: pcapio.LinkIEEE80211Radio,
		hex: "0000 1e00 200000c0 ffffffa0 20000800" + // signal; the vendor's own; signal and MCS
			"c4 00 001122 00 0200 eeee bb 02 00 07" + "d400 0000" + addrA,
		want: row{"radiotap_dbm_signal": "-60", "radiotap_mcs_index": "7", "radiotap_tsft": "", "wlan_subtype": "13", "decode_error": ""},
	},
	{
		name: "bitmap without end", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 0c00 00000080 00000080 d400 0000" + addrA,
		want: row{"decode_error": "radiotap: malformed bitmap", "wlan_ra": "02:00:00:00:00:0a"},
	},
	{
		name: "fields beyond the header", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 0a00 2e000000 00 0b d400 0000" + addrA,
		want: row{"decode_error": "radiotap: malformed fields", "radiotap_rate": "5.5", "radiotap_channel_freq": "", "radiotap_dbm_signal": "", "wlan_type": "1"},
	},
	{
		name: "radiotap longer than the packet", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 ff00 04000000 0b",
		want: row{"frame_protocols": "radiotap", "decode_error": "radiotap: too short", "radiotap_rate": "5.5", "radiotap_len": "255", "payload_len": "0"},
	},
	{
		name: "radiotap of another version", link: pcapio.LinkIEEE80211Radio,
		hex:  "0100 0900 04000000 0b",
		want: row{"decode_error": "radiotap: version not 0", "radiotap_version": "1", "radiotap_rate": "", "payload_len": "1"},
	},
	{
		name: "radiotap too short", link: pcapio.LinkIEEE80211Radio,
		hex:  "0000 0700 00000000",
		want: row{"decode_error": "radiotap: length below 8"},
	},
	{
		name: "beacon", link: pcapio.LinkIEEE80211,
		hex: "8000 0000 ffffffffffff" + addrA + addrA + "2001 0000000000000000 6400 0104 0103 82848b 0006 c3a9 20 5c ff 07",
		want: row{
			"frame_protocols": "wlan", "wlan_type": "0", "wlan_subtype": "8", "wlan_ssid": `é \092\255\007`, "wlan_seq": "18", "wlan_frag": "0",
			"decode_error": "", "payload_len": "25", "wlan_bssid": "02:00:00:00:00:0a", "wlan_da": "ff:ff:ff:ff:ff:ff",
		},
	},
	{
		name: "probe request for any network", link: pcapio.LinkIEEE80211,
		hex:  "4000 0000 ffffffffffff" + addrA + "ffffffffffff 0000 0000 0101 82",
		want: row{"wlan_ssid": emptyText, "wlan_seq": "0", "wlan_duration": "0", "decode_error": ""},
	},
	{
		name: "element that runs over", link: pcapio.LinkIEEE80211,
		hex:  "4000 0000 ffffffffffff" + addrA + "ffffffffffff 0000 0005 6162",
		want: row{"wlan_ssid": "", "decode_error": "wlan: too short", "payload": "00056162"},
	},
	{
		name: "from the access point with QoS and HT control, protected", link: pcapio.LinkIEEE80211,
		hex: "88c2 0080" + addrA + addrB + addrC + "1000 8001 00000000 0102",
		want: row{
			"wlan_order": "true", "wlan_protected": "true", "wlan_duration": "", "wlan_qos": "384", "wlan_qos_amsdu": "true", "payload": "0102",
			"wlan_bssid": "02:00:00:00:00:0b", "wlan_sa": "", "wlan_da": "", "llc_dsap": "",
		},
	},
	{
		name: "four addresses", link: pcapio.LinkIEEE80211,
		hex: "0803 0000" + addrA + addrB + addrC + "1000" + addrD + snapUDP,
		want: row{
			"wlan_ra": "02:00:00:00:00:0a", "wlan_ta": "02:00:00:00:00:0b", "wlan_da": "02:00:00:00:00:0c", "wlan_sa": "02:00:00:00:00:0d",
			"wlan_bssid": "", "udp_len": "8",
		},
	},
	{
		name: "later fragment", link: pcapio.LinkIEEE80211,
		hex:  "0801 0000" + addrA + addrB + addrC + "1100" + snapUDP,
		want: row{"frame_protocols": "wlan", "wlan_frag": "1", "payload_len": "36", "llc_dsap": ""},
	},
	{
		name: "no data", link: pcapio.LinkIEEE80211,
		hex:  "4811 0000" + addrA + addrB + addrC + "1000",
		want: row{"frame_protocols": "wlan", "wlan_subtype": "4", "wlan_pwr_mgt": "true", "payload_len": "0", "decode_error": ""},
	},
	{
		name: "power-save poll", link: pcapio.LinkIEEE80211,
		hex:  "a400 01c0" + addrA + addrB,
		want: row{"wlan_aid": "1", "wlan_duration": "", "wlan_bssid": "02:00:00:00:00:0a", "wlan_ta": "02:00:00:00:00:0b", "wlan_seq": "", "wlan_sa": ""},
	},
	{
		name: "acknowledgement", link: pcapio.LinkIEEE80211,
		hex:  "d400 0000" + addrA,
		want: row{"wlan_ra": "02:00:00:00:00:0a", "wlan_ta": "", "wlan_bssid": "", "wlan_duration": "0", "payload_len": "0", "decode_error": ""},
	},
	{
		name: "data frame cut by the capture", link: pcapio.LinkIEEE80211, cut: 20,
		hex:  "0801 0000" + addrA + addrB + addrC + "1000" + snapUDP,
		want: row{"wlan_type": "2", "wlan_to_ds": "true", "wlan_ra": "", "wlan_seq": "", "decode_error": "wlan: truncated"},
	},
	{
		name: "frame of another version", link: pcapio.LinkIEEE80211,
		hex:  "0100 0000",
		want: row{"wlan_version": "1", "wlan_to_ds": "", "decode_error": "wlan: version not 0"},
	},
}

// Addresses of a frame reach the flows as Ethernet's do.
func TestWLANDigest(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		src, dst  byte // last bytes of the addresses
		etherType uint16
	}{
		{"from the access point", "0802 0000" + addrA + addrB + addrC + "1000" + snapUDP, 0xc, 0xa, 0x800},
		{"to the access point", "0801 0000" + addrA + addrB + addrC + "1000" + snapUDP, 0xb, 0xc, 0x800},
		{"request to send", "b400 0000" + addrA + addrB, 0xb, 0xa, 0},
		{"acknowledgement", "d400 0000" + addrA, 0, 0xa, 0},
	} {
		_, d := decodeOne(t, pcapio.LinkIEEE80211, unhex(c.hex), 0)
		if d.SrcMAC[5] != c.src || d.DstMAC[5] != c.dst || d.EtherType != c.etherType {
			t.Errorf("%s: from %x to %x, type %#x", c.name, d.SrcMAC, d.DstMAC, d.EtherType)
		}
	}
}
