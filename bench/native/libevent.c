/* A server with libevent's buffer events, spoken to as the program's other servers are: it tells its address, gives an
 * answer to each line of standard input (the number of its connections), and ends with it. Without arguments it echoes;
 * a message that begins with 'S' has it sleep first, for as many microseconds as the four bytes after that say. With
 * the arguments PORT DELAY ANSWER it gives that answer to whatever comes, DELAY ms later, on a port that several
 * processes may serve. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct conn {
	struct bufferevent *bev;
	struct event *timer;
};

static struct event_base *base;
static int connections, delay;
static const char *answer;

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd, (void)what;
	bufferevent_write(c->bev, answer, strlen(answer));
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct timeval tv = {delay / 1000, delay % 1000 * 1000};
	unsigned char first[5];

	if (answer) {
		evbuffer_drain(in, evbuffer_get_length(in));
		if (!c->timer)
			c->timer = evtimer_new(base, on_time, c);
		if (c->timer)
			evtimer_add(c->timer, &tv);
		return;
	}
	if (evbuffer_copyout(in, first, 5) == 5 && first[0] == 'S')
		usleep(first[1] | first[2] << 8 | first[3] << 16 | (unsigned)first[4] << 24);
	evbuffer_add_buffer(bufferevent_get_output(bev), in);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	bufferevent_free(bev);
	if (c && c->timer)
		event_free(c->timer);
	free(c);
	connections--;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	int one = 1;
	struct conn *c = NULL;
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)l, (void)sa, (void)len, (void)arg;
	if (!bev) {
		close(fd);
		return;
	}
	if (answer && !(c = calloc(1, sizeof *c))) {
		bufferevent_free(bev);
		return;
	}
	if (c)
		c->bev = bev;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	bufferevent_setcb(bev, on_read, NULL, on_event, c);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	connections++;
}

static void on_command(evutil_socket_t fd, short what, void *arg)
{
	char buf[512];
	ssize_t i, n = read(fd, buf, sizeof buf);

	(void)what, (void)arg;
	if (n <= 0)
		event_base_loopbreak(base);
	for (i = 0; i < n; i++)
		if (buf[i] == '\n')
			printf("done %d\n", connections);
	fflush(stdout);
}

static struct evconnlistener *listen_on(int port)
{
	struct sockaddr_in a;
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE;

	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(port);
	if (answer)
		flags |= LEV_OPT_REUSEABLE_PORT;
	return evconnlistener_new_bind(base, on_accept, NULL, flags, 4096, (struct sockaddr *)&a, sizeof a);
}

int main(int argc, char **argv)
{
	struct evconnlistener *l;
	struct event *command;
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	int port = 0;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 4) {
		port = atoi(argv[1]);
		delay = atoi(argv[2]);
		answer = argv[3];
	}
	base = event_base_new();
	if (!base || !(l = listen_on(port)) || getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&a, &len)) {
		perror("listen");
		return 1;
	}
	command = event_new(base, 0, EV_READ | EV_PERSIST, on_command, NULL);
	if (!command || event_add(command, NULL)) {
		perror("standard input");
		return 1;
	}
	printf("ready 127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}
