import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jivesoftware.smack.ConnectionConfiguration.SecurityMode;
import org.jivesoftware.smack.SmackConfiguration;
import org.jivesoftware.smack.XMPPException;
import org.jivesoftware.smack.tcp.XMPPTCPConnection;
import org.jivesoftware.smack.tcp.XMPPTCPConnectionConfiguration;
import org.jivesoftware.smackx.muc.MultiUserChat;
import org.jivesoftware.smackx.muc.MultiUserChatManager;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.impl.JidCreate;
import org.jxmpp.jid.parts.Resourcepart;

/**
 * An agent or a customer as Smack makes them, driven by lines of words on standard input; events are JSON lines.
 *
 * <p>Arguments: agent|customer USER PASSWORD DOMAIN HOST PORT CA WORKGROUP. Each command is answered by
 * {@code {"event":"done","command":…}} or {@code {"event":"failed","command":…,"condition":…}}.
 */
public final class Peer {
    private final XMPPTCPConnection connection;
    private final Part part;
    private MultiUserChat room;

    /** What an agent and a customer do differently. */
    interface Part {
        /** Carries a command out; false if it does not know it. */
        boolean run(String command, String rest) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        new Peer(arguments).listen();
    }

    private Peer(String[] arguments) throws Exception {
        EntityBareJid workgroup = JidCreate.entityBareFrom(arguments[7]);
        connection = new XMPPTCPConnection(
                XMPPTCPConnectionConfiguration.builder()
                        .setXmppDomain(arguments[3])
                        .setUsernameAndPassword(arguments[1], arguments[2])
                        .setResource("smack")
                        .setHost(arguments[4])
                        .setPort(Integer.parseInt(arguments[5]))
                        .setSecurityMode(SecurityMode.required)
                        .setCustomX509TrustManager(trusting(Path.of(arguments[6])))
                        // Nothing but SCRAM: a ticket is not this client's business, a password in the clear nobody's.
                        .addEnabledSaslMechanism("SCRAM-SHA-1")
                        .build());
        connection.setReplyTimeout(20_000);
        connection.addStanzaListener(Peer::presenceOfRooms, stanza -> stanza instanceof org.jivesoftware.smack.packet.Presence);
        connection.connect();
        connection.login();
        part = arguments[0].equals("agent")
                ? new AgentPart(connection, workgroup)
                : new CustomerPart(connection, workgroup);
        Json.say("event", "online", "jid", connection.getUser().toString());
    }

    /** Believes this one authority and nobody else. */
    private static X509TrustManager trusting(Path authority) throws Exception {
        try (var file = Files.newInputStream(authority)) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            return (X509TrustManager) trust.getTrustManagers()[0];
        }
    }

    private static void presenceOfRooms(org.jivesoftware.smack.packet.Stanza stanza) {
        var presence = (org.jivesoftware.smack.packet.Presence) stanza;
        var user = presence.getExtension(org.jivesoftware.smackx.muc.packet.MUCUser.class);
        if (user != null) {
            Json.say("event", "occupant", "from", presence.getFrom().toString(), "type", presence.getType().toString(),
                    "kicked", String.valueOf(user.getStatus().contains(
                            org.jivesoftware.smackx.muc.packet.MUCUser.Status.KICKED_307)));
        }
    }

    private void listen() throws Exception {
        // Commands run beside the reader, so that one that waits for its answer does not stop the next one.
        ExecutorService worker = Executors.newSingleThreadExecutor();
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String text = line.strip();
            worker.execute(() -> run(text));
        }
        worker.shutdown();
        connection.disconnect();
        System.exit(0);
    }

    private void run(String line) {
        int space = line.indexOf(' ');
        String command = space < 0 ? line : line.substring(0, space);
        String rest = space < 0 ? "" : line.substring(space + 1);
        try {
            if (!everybody(command, rest) && !part.run(command, rest)) {
                throw new IllegalArgumentException("unknown command");
            }
            Json.say("event", "done", "command", command);
        } catch (XMPPException.XMPPErrorException refused) {
            Json.say("event", "failed", "command", command, "condition",
                    refused.getStanzaError().getCondition().toString());
        } catch (Exception problem) {
            Json.say("event", "failed", "command", command, "condition", problem.toString());
        }
    }

    private boolean everybody(String command, String rest) throws Exception {
        switch (command) {
            case "enter" -> {
                room = MultiUserChatManager.getInstanceFor(connection)
                        .getMultiUserChat(JidCreate.entityBareFrom(rest));
                room.addMessageListener(message -> {
                    if (message.getBody() != null) {
                        Json.say("event", "said", "from", message.getFrom().toString(), "body", message.getBody());
                    }
                });
                room.join(Resourcepart.from(connection.getUser().getLocalpart().toString()));
            }
            case "say" -> room.sendMessage(rest);
            case "leave" -> room.leave();
            default -> {
                return false;
            }
        }
        return true;
    }

    static {
        SmackConfiguration.DEBUG = false;
    }
}
