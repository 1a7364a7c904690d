package layer

import "testing"

// applicationSeeds are packets of the protocols above the transport layer for
// the fuzzer to start from, where the bundled captures lack them.
func applicationSeeds(t testing.TB) [][]byte {
	return [][]byte{
		overTCP(t, record(tlsHandshake, published())),
		overTCP(t, record(tlsHandshake, published())[:120]),
		overTCP(t, append(record(tlsAlert, []byte{2, 40}), record(23, make([]byte, 20))...)),
		overTCP(t, []byte(request)),
		overTCP(t, []byte("HTTP/1.1 200 OK\r\nContent-Length: x\r\nno colon\r\n\r\n")),
		overSSH(t, 40000, 22, append([]byte("SSH-2.0-x y\r\n"), kexInit("kex,ext-info-c")...)),
		overUDP(t, sealInitial(t, quicV1, padded(unhex(rfcFrame)), 2)),
		overUDP(t, sealInitial(t, quicV2, append(cryptoFrameOf(100, 241), cryptoFrameOf(0, 100)...), 0)),
		overUDP(t, unhex("80 00000000 01 01 01 02 1a2a3a4a 00000001")),
		inUDP(t, dhcp("340103 350102 3702 0103 ff", "0c0161 ff", "3c0161 ff"), 67),
		inUDP(t, unhex("e3 02 0a ec 00010000 ffffffff 4c4f434c 0000000000000000 e6d8a1c080000000 00000001ffffffff 7fffffff00000001"), 123),
	}
}
