// Package simulate sends and answers small pieces of real traffic, so that
// there is something to capture: TCP and UDP messages with listeners that echo
// them, ARP requests and ICMP echo requests. They are what AntiNex's helper
// scripts did (tcp_send_msg, listen_tcp_port and so on), with their defaults.
//
//	go simulate.ListenTCP(ctx, simulate.Listener{Address: "127.0.0.1:8080"}, nil)
//	answer, err := simulate.SendTCP(ctx, simulate.Message{Address: "127.0.0.1:8080", Data: []byte("hello"), Answer: true})
//
// All of it goes through the operating system's own protocol stack, but for
// ARP, which has no sockets: its frames are put on the wire by package replay's
// way, an AF_PACKET socket, on Linux only. ICMP takes a raw socket where that
// is allowed and else the kernel's ping socket (net.ipv4.ping_group_range).
//
// Package lab below makes whole networks with servers, users and attackers.
package simulate
