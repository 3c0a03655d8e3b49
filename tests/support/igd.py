# SPDX-License-Identifier: Apache-2.0
"""A router that speaks UPnP as it is told."""
import socket
import struct
import threading

from router import GATEWAY, GATEWAY6

SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1'
FIREWALL = 'urn:schemas-upnp-org:service:WANIPv6FirewallControl:1'
DESCRIPTION = '''<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device><deviceList><device><serviceList>
<service><serviceType>{service}</serviceType><controlURL>{control}</controlURL><SCPDURL>/x</SCPDURL></service>
</serviceList></device></deviceList></device></deviceList></device></root>'''


class Liar:
    """A router that answers UPnP as it is told: @said(request) gives the bytes of a description or of an action's answer."""

    def __init__(self, space, said, location=f'http://{GATEWAY}:5000/d.xml'):
        self.said, self.location, self.asked, self.over = said, location, [], False
        self.search = space.socket(kind=socket.SOCK_DGRAM)
        self.search.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.search.bind(('239.255.255.250', 1900))
        if location:
            self.search.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                   socket.inet_aton('239.255.255.250') + socket.inet_aton(GATEWAY))
        self.http = space.listen(5000)
        self.begin()

    def begin(self):
        self.search.settimeout(0.1)
        self.searches = threading.Thread(target=self.answer_searches, daemon=True)
        self.searches.start()
        threading.Thread(target=self.answer_calls, daemon=True).start()

    def answer_searches(self):
        while not self.over:
            try:
                _, who = self.search.recvfrom(2048)
            except TimeoutError:
                continue
            self.search.sendto(f'HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nUSN: x\r\n'
                               f'LOCATION: {self.location}\r\n\r\n'.encode(), who)

    def answer_calls(self):
        while True:
            try:
                call, _ = self.http.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(call,), daemon=True).start()

    def serve(self, call):
        with call:
            request = call.recv(65536).decode('latin-1')
            self.asked.append(request.split('\r\n')[0] + ' ' + request.partition('SOAPAction: ')[2].split('\r\n')[0])
            try:
                for part in self.said(request):
                    call.sendall(part)
            except OSError:
                pass  # whoever asked has had enough

    def close(self):
        self.over = True
        self.searches.join()
        self.search.close()
        try:
            self.http.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.http.close()


class Liar6(Liar):
    """The same over IPv6."""

    def __init__(self, space, said, location=f'http://[{GATEWAY6}]:5000/d.xml', wire='lan'):
        self.said, self.location, self.asked, self.over = said, location, [], False
        self.search = space.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.search.bind(('', 1900))
        self.search.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                               socket.inet_pton(socket.AF_INET6, 'ff02::c') + struct.pack('=I', space.index(wire)))
        self.http = space.listen(5000, socket.AF_INET6)
        self.begin()


def answer(body):
    return [f'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n{body}'.encode()]


def soap(action, service=SERVICE, **fields):
    inner = ''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())
    return answer(f'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
                  f'<u:{action}Response xmlns:u="{service}">{inner}</u:{action}Response></s:Body></s:Envelope>')


def described(base='', control='/c', service=SERVICE):
    return answer(DESCRIPTION.format(base=base, control=control, service=service))
