// Package capture takes packets from network interfaces of Linux through
// AF_PACKET sockets with a TPACKET_V3 ring, without libpcap and without cgo
// (https://docs.kernel.org/networking/packet_mmap.html).
//
// # Use
//
//	h, err := capture.Open(capture.Config{Interfaces: []string{"eth0"}, Filter: "tcp port 80"})
//	if err != nil { … }
//	defer h.Close()
//	err = capture.DropPrivileges("nobody")               // sockets are open, root is no longer needed
//	err = h.Run(ctx, func(p []pcapio.Packet) error { … }) // until ctx ends
//	for i := range h.Interfaces() { fmt.Println(h.Stats(i)) }
//
// The kernel writes packets into blocks of a ring that is mapped into memory,
// and hands a block over when it is full or [Config.BlockTimeout] has passed.
// Run gives the packets as they lie there: [pcapio.Packet.Data] is valid until
// the function returns. When ctx ends, no more packets are let in and what is
// in the rings is delivered, so that the counts agree:
//
//	Received = Delivered + Dropped
//
// # What is done to packets
//
// A VLAN tag that the kernel took out is put back; [pcapio.Packet.WireLen]
// counts it. Times are the kernel's, in nanoseconds. Direction is outbound for
// what this machine sent. The loopback interface shows every packet twice, going
// out and coming in; the first is left out unless [Config.KeepLoopbackPairs].
// Packets that the network card is to segment or that it has merged come as
// one, larger than the MTU, as in every capture.
//
// # Set-up
//
// A socket is made with protocol 0, so that it receives nothing; then come the
// filter, the ring, bind, fan-out and promiscuous mode. No packet can pass
// before the filter is there. CAP_NET_RAW is enough for all of it, and is not
// needed once Open has returned, except to reopen an interface that was deleted
// and made again while [Config.Fanout] is above 1.
//
// # Interfaces that come and go
//
// An interface that goes down, or is deleted and made again under its name, is
// waited for; [Config.Notify] is told. "any" is the list of interfaces that are
// up when Open is called; later ones are not added.
//
// # Limits
//
// Interfaces: Ethernet, loopback, tunnels with bare IP packets, and 802.11
// monitors (the latter without a filter). Packets of several interfaces, and of
// several rings with Fanout, are each in order, but not merged by time. On other
// systems Open returns [ErrUnsupported].
package capture
