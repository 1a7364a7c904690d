package layer

// ssid keeps the first SSID element of the management frames that have one.
func (w *IEEE80211) ssid(d *Decoder, body []byte, subtype uint8) {
	const maxSSID = 32
	var fixed int // bytes before the elements
	switch subtype {
	case 0: // association request
		fixed = 4
	case 2: // reassociation request
		fixed = 10
	case 4: // probe request
	case 5, 8: // probe response, beacon
		fixed = 12
	default:
		return
	}
	if len(body) < fixed {
		d.NoteShort()
		return
	}
	for e := body[fixed:]; len(e) > 0; {
		if len(e) < 2 || len(e) < 2+int(e[1]) {
			d.NoteShort()
			return
		}
		id, value := e[0], e[2:2+int(e[1])]
		if id == 0 {
			if len(value) > maxSSID {
				d.Note("SSID too long")
				return
			}
			w.SSID.Set(d.Row, d.Printable(value))
			return
		}
		e = e[2+int(e[1]):]
	}
}
