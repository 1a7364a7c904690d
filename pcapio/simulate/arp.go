package simulate

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// ARPRequest asks who has an address (RFC 826).
type ARPRequest struct {
	Interface string
	Target    netip.Addr       // the IPv4 address asked for
	DstMAC    net.HardwareAddr // where the frame goes; nil: to all
	Timeout   time.Duration    // for the answer; 0: 2 s
}

// Sizes and numbers of ARP over Ethernet.
const (
	etherTypeARP = 0x0806
	arpLen       = 28
	frameLen     = 14 + arpLen
	arpOpRequest = 1
	arpOpReply   = 2
)

// arpFrame is the request as an Ethernet frame.
func arpFrame(src, dst net.HardwareAddr, from, target netip.Addr) []byte {
	b := make([]byte, 0, frameLen)
	b = append(append(b, dst...), src...)
	b = binary.BigEndian.AppendUint16(b, etherTypeARP)
	b = binary.BigEndian.AppendUint16(b, 1)      // Ethernet
	b = binary.BigEndian.AppendUint16(b, 0x0800) // IPv4
	b = append(b, 6, 4)
	b = binary.BigEndian.AppendUint16(b, arpOpRequest)
	b = append(append(b, src...), from.AsSlice()...)
	b = append(b, make([]byte, 6)...) // what is asked for
	return append(b, target.AsSlice()...)
}

// arpAnswer takes the sender's MAC from a frame that answers for the target.
func arpAnswer(frame []byte, target netip.Addr) (net.HardwareAddr, bool) {
	if len(frame) < frameLen || binary.BigEndian.Uint16(frame[12:]) != etherTypeARP {
		return nil, false
	}
	arp := frame[14:]
	if binary.BigEndian.Uint16(arp[6:]) != arpOpReply || [4]byte(arp[14:18]) != target.As4() {
		return nil, false
	}
	return net.HardwareAddr(append([]byte(nil), arp[8:14]...)), true
}

// source finds the interface's MAC and first IPv4 address; without one the
// request is a probe (RFC 5227).
func (r *ARPRequest) source() (*net.Interface, netip.Addr, error) {
	if !r.Target.Is4() {
		return nil, netip.Addr{}, fmt.Errorf("ARP asks for IPv4 addresses, not %q", r.Target)
	}
	nif, err := net.InterfaceByName(r.Interface)
	if err != nil {
		return nil, netip.Addr{}, fmt.Errorf("interface %s: %w", r.Interface, err)
	}
	addrs, err := nif.Addrs()
	if err != nil {
		return nil, netip.Addr{}, fmt.Errorf("interface %s: %w", r.Interface, err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return nif, p.Addr(), nil
		}
	}
	return nif, netip.IPv4Unspecified(), nil
}
