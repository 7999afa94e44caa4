import { sharedName } from "./names.ts";
import type { StageSettings } from "./settings.ts";

/**
 * The topic for alarms. The topic is not encrypted at rest: CloudWatch cannot publish to a topic with AWS's own key, a
 * key of our own would cost a dollar a month, and alarms contain only numbers.
 */
export function createAlarmTopic(settings: StageSettings) {
  const topic = new aws.sns.Topic("Alarms", { name: sharedName($app, "alarms") });
  const account = aws.getCallerIdentityOutput().accountId;
  new aws.sns.TopicPolicy("AlarmsPolicy", {
    arn: topic.arn,
    policy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sns:Publish"],
          resources: [topic.arn],
          principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
          conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] }],
        },
      ],
    }).json,
  });
  new aws.sns.TopicSubscription("AlarmsEmail", {
    topic: topic.arn,
    protocol: "email",
    endpoint: settings.SLABMEND_ALARM_EMAIL,
  });
  return topic;
}
