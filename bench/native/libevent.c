/* An echo server with libevent's buffer events, spoken to as the program's other servers are: it tells its address, gives
 * an answer to each line of standard input, and ends with it. A message that begins with 'S' is answered by a loop that
 * has slept for 10 ms. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	char first;

	(void)arg;
	if (evbuffer_copyout(in, &first, 1) == 1 && first == 'S')
		usleep(10000);
	evbuffer_add_buffer(bufferevent_get_output(bev), in);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	int one = 1;
	struct bufferevent *bev;

	(void)l, (void)sa, (void)len;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	bev = bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		close(fd);
		return;
	}
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void on_command(evutil_socket_t fd, short what, void *base)
{
	char buf[512];
	ssize_t i, n = read(fd, buf, sizeof buf);

	(void)what;
	if (n <= 0)
		event_base_loopbreak(base);
	for (i = 0; i < n; i++)
		if (buf[i] == '\n')
			puts("done");
	fflush(stdout);
}

int main(void)
{
	struct event_base *base;
	struct evconnlistener *l;
	struct event *command;
	struct sockaddr_in a;
	socklen_t len = sizeof a;

	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l = evconnlistener_new_bind(base, on_accept, base, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096,
				    (struct sockaddr *)&a, sizeof a);
	if (!l || getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&a, &len)) {
		perror("listen");
		return 1;
	}
	command = event_new(base, 0, EV_READ | EV_PERSIST, on_command, base);
	if (!command || event_add(command, NULL)) {
		perror("standard input");
		return 1;
	}
	printf("ready 127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}
